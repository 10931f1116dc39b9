package crosscheck

import (
	"context"
	"slices"
)

// shrink looks for the shortest script that still shows a difference of the same kind: first without all that comes behind it,
// then without ever smaller parts (delta debugging, Zeller's ddmin), then without pipelining. Steps refer to each other only by
// labels that may be missing, so every subset of a script is a script.
func (c *check) shrink(ctx context.Context, script Script, d *Difference) (*Finding, error) {
	f := &Finding{Script: script, Difference: *d, Seeds: []uint64{script.Seed}}
	budget := c.Shrink
	try := func(steps []Step) (bool, error) {
		if budget <= 0 {
			return false, nil
		}
		budget--
		left, right, err := c.play(ctx, steps)
		if err != nil {
			return false, err
		}
		again := Compare(steps, left, right, func(s string) bool { return s != d.Signature })
		if again == nil {
			return false, nil
		}
		f.Script.Steps, f.Difference = steps, *again
		return true, nil
	}
	same, err := try(script.Steps)
	if err != nil || !same {
		return f, err
	}
	f.Repeated = true
	if last := lastStep(script.Steps, f.Group); last < len(script.Steps) {
		if _, err := try(script.Steps[:last]); err != nil {
			return f, err
		}
	}
	for n := 2; len(f.Script.Steps) > 1; {
		smaller, err := removeOne(f.Script.Steps, n, try)
		switch {
		case err != nil:
			return f, err
		case smaller:
			n = max(n-1, 2)
		case n < len(f.Script.Steps):
			n = min(2*n, len(f.Script.Steps))
		default:
			return f, c.unjoin(f, try)
		}
		if budget <= 0 {
			break
		}
	}
	return f, nil
}

// removeOne cuts the steps into n parts and looks for one that can be left out.
func removeOne(steps []Step, n int, try func([]Step) (bool, error)) (bool, error) {
	for i := range n {
		from, to := i*len(steps)/n, (i+1)*len(steps)/n
		if from == to {
			continue
		}
		ok, err := try(slices.Concat(steps[:from], steps[to:]))
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// unjoin sends what is left one request at a time, if that shows the difference as well.
func (c *check) unjoin(f *Finding, try func([]Step) (bool, error)) error {
	single := slices.Clone(f.Script.Steps)
	joined := false
	for i := range single {
		joined = joined || single[i].Join
		single[i].Join = false
	}
	if !joined {
		return nil
	}
	_, err := try(single)
	return err
}

// lastStep is the number of steps up to the end of a group.
func lastStep(steps []Step, group int) int {
	n := 0
	for i, g := range groups(steps) {
		if i > group {
			break
		}
		n += len(g)
	}
	return n
}
