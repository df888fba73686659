package clienttest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
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
	require.NoError(t, shared.SignalWorkflow(t.Context(), one.WorkflowID(), "", "step", what))
}

func TestWaitingSurvivesContinueAsNewAndWorkerRestarts(t *testing.T) {
	t.Parallel()
	first := followedWorker(t)
	one := startFollowed(t, "waited-for")
	atFirst, err := one.State(t.Context())
	require.NoError(t, err)
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
			state, err := one.WaitForChange(t.Context(), patience, known)
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
		case <-time.After(patience):
			require.Fail(t, "no change to "+string(want))
		}
	}
	step(t, one, "nothing")
	step(t, one, string(workflows.CaseInputNeeded))
	next(workflows.CaseInputNeeded)
	step(t, one, "again")
	step(t, one, "nothing")
	step(t, one, string(workflows.CaseInputSent))
	next(workflows.CaseInputSent)
	first.Stop()
	step(t, one, "again")
	step(t, one, string(workflows.CaseRunning))
	second := followedWorker(t)
	t.Cleanup(second.Stop)
	next(workflows.CaseRunning)
	step(t, one, "end")
	next(workflows.CaseCompleted)
	got := <-waits
	require.NoError(t, got.err)
	require.Equal(t, workflows.CaseCompleted, got.outcome.Status)
}

// A thousand callers wait for changes of a hundred cases.
func TestAThousandWaitersCostLittle(t *testing.T) {
	t.Parallel()
	w := followedWorker(t)
	t.Cleanup(w.Stop)
	const cases, waitersOfEach = 100, 10
	all := make([]*signalbox.Case, cases)
	for n := range all {
		all[n] = startFollowed(t, fmt.Sprintf("many-%03d", n))
	}
	began := time.Now()
	var waiting, done sync.WaitGroup
	var failed atomic.Int64
	waiting.Add(cases * waitersOfEach)
	for _, one := range all {
		for range waitersOfEach {
			done.Go(func() {
				state, err := one.State(t.Context())
				waiting.Done()
				if err == nil {
					state, err = one.WaitForChange(t.Context(), 5*patience, &state)
				}
				if err != nil || state.Status != workflows.CaseInputNeeded {
					failed.Add(1)
				}
			})
		}
	}
	waiting.Wait()
	ready := time.Now()
	for _, one := range all {
		step(t, one, string(workflows.CaseInputNeeded))
	}
	done.Wait()
	require.Zero(t, failed.Load())
	t.Logf("%d callers: ready after %s, all told after %s", cases*waitersOfEach, ready.Sub(began).Round(time.Millisecond), time.Since(ready).Round(time.Millisecond))
}
