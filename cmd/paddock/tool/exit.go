package tool

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode prints the error, once, on standard error, and chooses the code of the process.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if s := err.Error(); s != "" {
		fmt.Fprintln(os.Stderr, "paddock:", s)
	}
	return ExitStatus(err)
}

// ExitStatus is the exit code of a verb that failed.
func ExitStatus(err error) int {
	var coder cli.ExitCoder
	switch {
	case errors.As(err, &coder):
		return coder.ExitCode()
	case errors.As(err, new(usageError)):
		return 2
	}
	return 1
}
