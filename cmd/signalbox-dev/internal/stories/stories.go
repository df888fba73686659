// Package stories has steps of tests that play a case or activation from start to end against a whole server.
package stories

import (
	"context"
	"errors"
	"testing"

	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Retry makes a call, and makes it again while Temporal is too busy for it. The call must be safe to repeat.
func Retry[S any](ctx context.Context, call func(context.Context) (S, error)) (S, error) {
	var failed error
	got, err := testenv.Await(ctx, func(ctx context.Context) (S, error) {
		got, err := call(ctx)
		if errors.Is(err, signalbox.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*serviceerror.DeadlineExceeded)) ||
			errors.As(err, new(*serviceerror.Unavailable)) || errors.As(err, new(*serviceerror.ResourceExhausted)) {
			return got, err
		}
		failed = err
		return got, nil
	}, func(S) bool { return true })
	return got, errors.Join(err, failed)
}

// MustRetry is Retry, and fails the test if the call fails.
func MustRetry[S any](t testing.TB, call func(context.Context) (S, error)) S {
	t.Helper()
	got, err := Retry(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Attended returns a function that reads a case, and resolves an uncertain creation as a person would. A busy server can lose an activity
// task, which makes a creation uncertain.
func Attended(offload interface {
	CasesOf(reference string) []offloadsim.Record
}, one *signalbox.Case,
) func(context.Context) (workflows.CaseState, error) {
	return func(ctx context.Context) (workflows.CaseState, error) {
		state, err := one.State(ctx)
		if err != nil || state.Status != workflows.CaseCreateUncertain {
			return state, err
		}
		if made := offload.CasesOf(one.Reference()); len(made) > 0 {
			_, err = one.Adopt(ctx, workflows.AdoptCase{CaseID: made[0].CaseID, By: "ada"})
		} else {
			_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
		}
		return state, err
	}
}
