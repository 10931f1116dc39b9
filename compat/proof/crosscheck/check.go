package crosscheck

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// Options say what a check does. The zero value of a field means its default.
type Options struct {
	Left, Right Playing
	FirstSeed   uint64
	Seeds       int // how many scripts; 0 = 10
	Generating  Generating
	Run         string // makes the names of the subtrees unique among runs against the same servers
	Shrink      int    // how many times a difference may be played again to find the shortest script; 0 = 300, -1 = none
	Stop        int    // stop after so many kinds of difference; 0 = 20
	Log         io.Writer
}

// Finding is one kind of difference.
type Finding struct {
	Script Script // shrunk
	Difference
	Seeds    []uint64 // all seeds that showed it
	Repeated bool     // it showed again when the same script was played a second time
}

// Report is the outcome of a check.
type Report struct {
	Scripts, Steps int            // played, not counting those of shrinking
	Outcomes       map[string]int // how often the left server answered what: "create -110" => 17, "event 3" => 40
	Findings       []*Finding
}

// count adds what a transcript shows to the outcomes, so that a reader can see what a check has reached.
func (r *Report) count(steps []Step, t *Transcript) {
	for i, g := range groups(steps) {
		var requests []Step
		for _, s := range g {
			if s.Act == Send {
				requests = append(requests, s)
			}
		}
		for _, s := range t.Groups[i] {
			switch {
			case s.What == "reply" && s.Req >= 0 && s.Req < len(requests):
				r.Outcomes[fmt.Sprintf("%s %d", opName(requests[s.Req].Req.Op), s.Err)]++
			case s.What == "event":
				r.Outcomes["event "+s.Facts[0].Text]++
			default:
				r.Outcomes[s.What]++
			}
		}
	}
}

// check is a run: it gives every play a subtree of its own.
type check struct {
	Options
	plays int
}

// Check plays the scripts of Seeds seeds to both servers, and returns every kind of difference with its shortest script. The
// error says why a server could not be asked; differences are not errors.
func Check(ctx context.Context, o Options) (*Report, error) {
	if o.Seeds == 0 {
		o.Seeds = 10
	}
	if o.Generating.Requests == 0 {
		o.Generating.Requests = 100
	}
	if o.Shrink == 0 {
		o.Shrink = 300
	}
	if o.Stop == 0 {
		o.Stop = 20
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Generating.Super = o.Left.Super
	c := &check{Options: o}
	report := &Report{Outcomes: map[string]int{}}
	for seed := o.FirstSeed; seed < o.FirstSeed+uint64(o.Seeds); seed++ {
		script := Generate(seed, o.Generating)
		if err := c.seed(ctx, script, report); err != nil {
			return report, fmt.Errorf("crosscheck: seed %d: %w", seed, err)
		}
		if len(report.Findings) >= o.Stop {
			fmt.Fprintf(o.Log, "stopping after %d kinds of difference\n", o.Stop)
			break
		}
	}
	return report, nil
}

// seed plays one script and takes its first difference, if that is of a new kind: what follows is likely a consequence of it.
func (c *check) seed(ctx context.Context, script Script, report *Report) error {
	report.Scripts++
	report.Steps += len(script.Steps)
	left, right, err := c.play(ctx, script.Steps)
	if err != nil {
		return err
	}
	report.count(script.Steps, left)
	d := Compare(script.Steps, left, right, nil)
	if d == nil {
		return nil
	}
	if f := report.find(d.Signature); f != nil {
		f.Seeds = append(f.Seeds, script.Seed)
		return nil
	}
	fmt.Fprintf(c.Log, "seed %d (%s): %s\n", script.Seed, script.Profile, d.Signature)
	f, err := c.shrink(ctx, script, d)
	if err != nil {
		return err
	}
	report.Findings = append(report.Findings, f)
	return nil
}

func (r *Report) find(signature string) *Finding {
	for _, f := range r.Findings {
		if f.Signature == signature {
			return f
		}
	}
	return nil
}

// play plays steps to both servers at once, in a subtree that no other play has used.
func (c *check) play(ctx context.Context, steps []Step) (left, right *Transcript, err error) {
	c.plays++
	top := fmt.Sprintf("/crosscheck-%s-%d", c.Run, c.plays)
	var wg sync.WaitGroup
	var leftErr, rightErr error
	wg.Go(func() { left, leftErr = Play(ctx, c.Left, top, steps) })
	wg.Go(func() { right, rightErr = Play(ctx, c.Right, top, steps) })
	wg.Wait()
	switch {
	case leftErr != nil:
		return nil, nil, fmt.Errorf("left server (%s): %w", c.Left.Addr, leftErr)
	case rightErr != nil:
		return nil, nil, fmt.Errorf("right server (%s): %w", c.Right.Addr, rightErr)
	}
	return left, right, nil
}
