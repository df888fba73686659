package testenv

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// leakTimeout is how long goroutines may take to end after the last test. Goleak itself gives them less than half a second.
const leakTimeout = time.Minute

// RunWithoutLeaks is the whole of a TestMain: it runs the tests and ends the process, with a failure if they have left a goroutine.
func RunWithoutLeaks(tests interface{ Run() int }, ignored ...goleak.Option) {
	code := tests.Run()
	if code == 0 {
		if err := leaks(leakTimeout, ignored...); err != nil {
			fmt.Fprintln(os.Stderr, "all tests passed, but goroutines are left:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// leaks returns an error that shows the goroutines that are still running after the time limit.
func leaks(limit time.Duration, ignored ...goleak.Option) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		if err := goleak.Find(ignored...); err == nil || ctx.Err() != nil {
			return err
		}
	}
}
