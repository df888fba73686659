package testenv

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"
)

const (
	// waitTimeout ends a wait while the value does not change; longestWait ends every wait.
	waitTimeout  = 5 * time.Minute
	longestWait  = 20 * time.Minute
	waitInterval = 20 * time.Millisecond
)

// Eventually reads until the condition holds, and returns what it read then. It fails the test after five minutes without a change of the value, or
// after twenty minutes, and shows the last value.
func Eventually[S any](t testing.TB, read func(context.Context) (S, error), holds func(S) bool) S {
	t.Helper()
	seen, err := Await(t.Context(), read, holds)
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// Within makes a call that waits for something, and lets it wait for five minutes at most.
func Within[S any](t testing.TB, wait func(context.Context) (S, error)) (S, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	return wait(ctx)
}

// Receive returns what comes from a channel, or the zero value when the channel is closed. It fails the test after five minutes.
func Receive[S any](t testing.TB, from <-chan S) S {
	t.Helper()
	got, err := Within(t, func(ctx context.Context) (got S, err error) {
		select {
		case got = <-from:
		case <-ctx.Done():
			err = ctx.Err()
		}
		return got, err
	})
	if err != nil {
		t.Fatalf("nothing came: %v", err)
	}
	return got
}

// Await is Eventually for goroutines that are not the test's own. It returns an error that shows the last value.
func Await[S any](ctx context.Context, read func(context.Context) (S, error), holds func(S) bool) (S, error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	idle := time.AfterFunc(waitTimeout, func() { giveUp(fmt.Errorf("no change for %s: %w", waitTimeout, context.DeadlineExceeded)) })
	defer idle.Stop()
	tick := time.NewTicker(waitInterval)
	defer tick.Stop()
	var seen S
	var failed error
	for {
		value, err := read(ctx)
		switch {
		case err == nil && holds(value):
			return value, nil
		case err == nil:
			if !reflect.DeepEqual(value, seen) {
				idle.Reset(waitTimeout)
			}
			seen = value
		case ctx.Err() == nil:
			failed = err
		}
		select {
		case <-ctx.Done():
			return seen, fmt.Errorf("the condition never held: %w; last value: %+v; last error: %v", context.Cause(ctx), seen, failed) //nolint:errorlint // the last error is shown only
		case <-tick.C:
		}
	}
}
