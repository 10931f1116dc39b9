package tool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// usageError is a command line that cannot be understood: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode prints the error, once, on standard error, and chooses the code of the process. ctx is that of the verb: a verb that a signal has
// interrupted ends with 128 and the number of the signal, as shells expect it.
func ExitCode(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	if s := err.Error(); s != "" {
		fmt.Fprintln(os.Stderr, "paddock:", s)
	}
	code := ExitStatus(err)
	var by interruption
	if code == ExitInterrupt && errors.As(context.Cause(ctx), &by) {
		code = 128 + int(by.Signal)
	}
	return code
}

// ExitStatus is the exit code of a verb that failed.
func ExitStatus(err error) int {
	var coder cli.ExitCoder
	switch {
	case errors.As(err, &coder):
		return coder.ExitCode()
	case errors.As(err, new(usageError)):
		return 2
	case errors.Is(err, context.Canceled):
		return ExitInterrupt
	}
	return 1
}

// interruption is the cause of a context that a signal has ended.
type interruption struct{ syscall.Signal }

func (i interruption) Error() string {
	return "interrupted by " + map[syscall.Signal]string{syscall.SIGINT: "Ctrl-C", syscall.SIGTERM: "SIGTERM"}[i.Signal]
}

// Is makes it what a canceled context says without a cause.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// UntilSignal is a context that ends at Ctrl-C and at SIGTERM. The caller calls stop.
func UntilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			cancel(interruption{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
