// Package storytest plays stories of a workflow in the SDK's test environment, over as many runs as it continues as new. Only tests import it.
package storytest

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// mostRuns is far more than any story has, continued as new after every step.
const mostRuns = 500

// Story is what happens to one workflow.
type Story[In, Out any] struct {
	// Type and ID are the workflow's, Code what it does, Start its first input.
	Type, ID string
	Code     func(workflow.Context, In) (Out, error)
	Start    any
	Begin    time.Time
	// Steps happen from outside. Those whose time falls between two runs happen in the second.
	Steps []Step
	// Attributes are the workflow's search attributes. They outlive a run.
	Attributes *temporal.SearchAttributes
	// Hold keeps results of activities from the workflow; nil holds none.
	Hold *Hold
	// Prepare sets up the environment of each run: activities, listeners.
	Prepare func(*testsuite.TestWorkflowEnvironment)
}

// Step is something that happens at a time after the start.
type Step struct {
	At time.Duration
	Do func()
}

// Repeat runs a test as subtests: without continue-as-new, and with it after every 1, 2, 3, 5 and 7 steps. That finds state that is not
// carried over.
func Repeat(t *testing.T, test func(t *testing.T, every int)) {
	t.Helper()
	for _, every := range []int{0, 1, 2, 3, 5, 7} {
		t.Run(fmt.Sprintf("every %d", every), func(t *testing.T) {
			t.Parallel()
			test(t, every)
		})
	}
}

// Play repeats the runs until one of them ends for good, and returns how and when. Each step happens once; Play fails if the story ends before
// one.
func (s Story[In, Out]) Play(t *testing.T) (result Out, ended time.Time, err error) {
	t.Helper()
	defer func() {
		for _, step := range s.Steps {
			require.Nil(t, step.Do, "the story ended before its step at %s", step.At)
		}
	}()
	ended = s.Begin
	input := s.Start
	for range mostRuns {
		gate := new(Gate)
		env := s.environment(t, ended, gate)
		env.ExecuteWorkflow(s.Type, input)
		gate.Close()
		require.True(t, env.IsWorkflowCompleted())
		ended, err = env.Now(), env.GetWorkflowError()
		var continued *workflow.ContinueAsNewError
		switch {
		case errors.As(err, &continued):
			require.Equal(t, s.Type, continued.WorkflowType.Name)
			var next In
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(continued.Input, &next))
			input = next
		case err == nil:
			require.NoError(t, env.GetWorkflowResult(&result))
			return result, ended, nil
		default:
			return result, ended, err
		}
	}
	require.FailNow(t, "it continues as new for ever")
	return result, ended, err
}

// environment is that of a run that begins now.
func (s Story[In, Out]) environment(t *testing.T, now time.Time, gate *Gate) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(now)
	env.SetTestTimeout(2 * time.Minute)
	// A busy machine, with the race detector on, lets a workflow task wait for longer than the second that is allowed.
	interceptors := []interceptor.WorkerInterceptor{gate}
	if s.Hold != nil {
		interceptors = append(interceptors, s.Hold)
	}
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: interceptors})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: s.ID, TaskQueue: "signalbox"})
	require.NoError(t, env.SetTypedSearchAttributesOnStart(*s.Attributes))
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in In) (Out, error) {
		result, err := s.Code(ctx, in)
		*s.Attributes = workflow.GetTypedSearchAttributes(ctx)
		return result, err
	}, workflow.RegisterOptions{Name: s.Type})
	s.Prepare(env)
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Do == nil {
			continue
		}
		env.RegisterDelayedCallback(func() {
			if step.Do != nil && !env.IsWorkflowCompleted() {
				do := step.Do
				step.Do = nil
				do()
			}
		}, max(0, s.Begin.Add(step.At).Sub(now)))
	}
	return env
}
