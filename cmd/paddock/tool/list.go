package tool

import (
	std "flag"
	"io"

	"github.com/urfave/cli/v2"
)

// ListFlag is a flag whose value is a list, separated by commas. It may be given several times: the lists are joined, in order. A plain string
// flag that is given twice keeps the last value in silence, and half of what was asked for is not done.
type ListFlag struct{ cli.StringFlag }

// IsSliceFlag tells the help that the flag may be repeated.
func (*ListFlag) IsSliceFlag() bool { return true }

// Apply is cli.StringFlag's with a value that grows. What the environment or the default says is replaced by the first one that is given.
func (f *ListFlag) Apply(set *std.FlagSet) error {
	start := std.NewFlagSet("", std.ContinueOnError)
	start.SetOutput(io.Discard)
	if err := f.StringFlag.Apply(start); err != nil {
		return err
	}
	for _, name := range f.Names() {
		set.Var(&joined{text: start.Lookup(name).Value.String()}, name, f.Usage)
	}
	return nil
}

// joined is the value of a ListFlag under one of its names.
type joined struct {
	text  string
	given bool
}

func (j *joined) String() string { return j.text }

func (j *joined) Set(text string) error {
	if j.given && j.text != "" {
		text = j.text + "," + text
	}
	j.text, j.given = text, true
	return nil
}
