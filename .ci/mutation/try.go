package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// limit ends a test that hangs where no hang was expected.
const limit = 3 * time.Minute

// outcome is how one run of a test ended.
type outcome struct {
	passed  bool
	built   bool
	late    bool     // it was ended because it ran too long
	failing []string // the tests that failed, the innermost ones
	ran     int      // how many tests ran
	out     string
	took    time.Duration
}

// goTest runs the test of a fault with an overlay (nil: the code as it is).
func goTest(f *fault, overlay map[string]string, folder string) (outcome, error) {
	wait := limit
	if f.hang != 0 && overlay != nil {
		wait = f.hang
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait+2*time.Minute) // compiling takes its time too
	defer cancel()
	args := []string{"test", "-json", "-vet=off", "-timeout", wait.String()}
	if overlay != nil {
		args = append(args, "-count=1") // a test of the built program is the same to go test, whatever the fault: its result must not come from the cache
	}
	cmd := exec.CommandContext(ctx, "go", append(args, f.test...)...)
	if overlay != nil {
		b, err := json.Marshal(map[string]any{"Replace": overlay})
		if err != nil {
			return outcome{}, err
		}
		file := filepath.Join(folder, "overlay.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return outcome{}, err
		}
		// In the environment, so that a test that builds the binary builds it with the fault.
		cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+file))
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	started := time.Now()
	b, err := cmd.Output()
	o := outcome{passed: err == nil, built: true, took: time.Since(started)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return o, err
	}
	o.read(b)
	o.out += errs.String()
	o.late = o.late || ctx.Err() != nil
	return o, nil
}

// read takes what go test -json says.
func (o *outcome) read(b []byte) {
	var out strings.Builder
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var e struct{ Action, Test, Output, FailedBuild string }
		if err := d.Decode(&e); err != nil {
			break
		}
		switch e.Action {
		case "output", "build-output":
			out.WriteString(e.Output)
			o.late = o.late || strings.HasPrefix(e.Output, "panic: test timed out after")
		case "build-fail":
			o.built = false
		case "run":
			o.ran++
		case "fail":
			if e.FailedBuild != "" {
				o.built = false
			}
			if e.Test != "" && !o.inner(e.Test) {
				o.failing = append(o.failing, e.Test)
			}
		}
	}
	o.out = out.String()
}

// inner says whether a test within this one failed already: a parent fails with its child, and is told after it.
func (o *outcome) inner(test string) bool {
	for _, t := range o.failing {
		if strings.HasPrefix(t, test+"/") {
			return true
		}
	}
	return false
}
