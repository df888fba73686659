package clienttest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// followed is a case whose state goes on by the signal "ask", which may also make it continue as new.
func followed(ctx workflow.Context, state workflows.CaseState) (workflows.CaseOutcome, error) {
	err := workflow.SetQueryHandler(ctx, workflows.QueryState, func() (workflows.CaseState, error) { return state, nil })
	if err != nil {
		return workflows.CaseOutcome{}, err
	}
	steps := workflow.GetSignalChannel(ctx, "step")
	for {
		var step string
		steps.Receive(ctx, &step)
		switch step {
		case "end":
			state.Status = workflows.CaseCompleted
			return workflows.CaseOutcome{Status: workflows.CaseCompleted}, nil
		case "again":
			return workflows.CaseOutcome{}, workflow.NewContinueAsNewError(ctx, workflows.OffloadCaseWorkflow, state)
		case "nothing":
		default:
			state.Status = workflows.CaseStatus(step)
		}
	}
}

const followedQueue = "followed"

func startFollowed(t *testing.T, reference string) *signalbox.Case {
	t.Helper()
	startStubOf(t, workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID(reference), followedQueue, workflows.CaseState{Status: workflows.CaseRunning})
	return apps.Case(reference)
}

func followedWorker(t *testing.T) sdkworker.Worker {
	t.Helper()
	w := sdkworker.New(shared, followedQueue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(followed, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	require.NoError(t, w.Start())
	return w
}

func step(t *testing.T, one *signalbox.Case, what string) {
	t.Helper()
	stories.Signal(t, shared, one.WorkflowID(), "step", what)
}

func TestWaitingSurvivesContinueAsNewAndWorkerRestarts(t *testing.T) {
	t.Parallel()
	first := followedWorker(t)
	one := startFollowed(t, unique("waited-for"))
	atFirst := stories.MustRetry(t, one.State)
	type ended struct {
		outcome workflows.CaseOutcome
		err     error
	}
	waits, changes := make(chan ended, 1), make(chan workflows.CaseState, 10)
	go func() {
		outcome, err := one.Wait(t.Context())
		waits <- ended{outcome, err}
	}()
	failed := make(chan error, 1)
	go func() {
		known := &atFirst
		for {
			state, err := one.WaitForChange(t.Context(), 10*waitTimeout, known) // it would return the same state after that time
			if err != nil {
				failed <- err
				return
			}
			changes <- state
			if known = &state; state.Status.Ended() {
				return
			}
		}
	}()
	next := func(want workflows.CaseStatus) {
		t.Helper()
		select {
		case state := <-changes:
			require.Equal(t, want, state.Status)
		case err := <-failed:
			require.NoError(t, err)
		case <-time.After(waitTimeout):
			require.Fail(t, "no change to "+string(want))
		}
	}
	step(t, one, "nothing")
	step(t, one, string(workflows.CaseInputNeeded))
	next(workflows.CaseInputNeeded)
	runID := func(ctx context.Context) (string, error) {
		now, err := shared.DescribeWorkflow(ctx, one.WorkflowID(), "")
		if err != nil {
			return "", err
		}
		return now.WorkflowExecution.RunID, nil
	}
	again := func() (begun func()) {
		before := stories.MustRetry(t, runID)
		step(t, one, "again")
		return func() { // a signal that waits in the run before would be lost
			testenv.Eventually(t, runID, func(now string) bool { return now != before })
		}
	}
	again()()
	step(t, one, "nothing")
	step(t, one, string(workflows.CaseInputSent))
	next(workflows.CaseInputSent)
	first.Stop()
	begun := again()
	second := followedWorker(t)
	t.Cleanup(second.Stop)
	begun()
	step(t, one, string(workflows.CaseRunning))
	next(workflows.CaseRunning)
	step(t, one, "end")
	next(workflows.CaseCompleted)
	got := testenv.Receive(t, waits)
	require.NoError(t, got.err)
	require.Equal(t, workflows.CaseCompleted, got.outcome.Status)
}

// Many callers wait for changes of the same cases. It runs alone, so that its figures mean something.
func TestManyWaitersSeeEachChange(t *testing.T) { //nolint:paralleltest // see above
	w := followedWorker(t)
	t.Cleanup(w.Stop)
	const cases, waitersOfEach = 20, 10
	all, known := make([]*signalbox.Case, cases), make([]workflows.CaseState, cases)
	for n := range all {
		all[n] = startFollowed(t, unique("many"))
		known[n] = testenv.Eventually(t, all[n].State, func(workflows.CaseState) bool { return true })
	}
	defer func() { // a catch-up reads every open case
		for _, one := range all {
			step(t, one, "end")
			stories.MustRetry(t, one.Wait)
		}
	}()
	began := time.Now()
	var done sync.WaitGroup
	failed := make(chan error, cases*waitersOfEach)
	for n, one := range all {
		for range waitersOfEach {
			done.Go(func() {
				// A small server takes so many at once only on a fast machine.
				state, err := stories.Retry(t.Context(), func(ctx context.Context) (workflows.CaseState, error) {
					return one.WaitForChange(ctx, waitTimeout, &known[n])
				})
				if err == nil && state.Status != workflows.CaseInputNeeded {
					err = fmt.Errorf("told of %s", state.Status)
				}
				if err != nil {
					failed <- err
				}
			})
		}
	}
	for _, one := range all {
		step(t, one, string(workflows.CaseInputNeeded))
	}
	done.Wait()
	close(failed)
	require.NoError(t, <-failed)
	t.Logf("%d callers were told within %s", cases*waitersOfEach, time.Since(began).Round(time.Millisecond))
}
