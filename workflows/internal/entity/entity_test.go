package entity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

const (
	workflowID = "test/one"

	minute = time.Minute
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

// environment runs a workflow function of a test.
func environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	return environmentThatLogs(t, io.Discard)
}

// environmentThatLogs records logged errors.
func environmentThatLogs(t *testing.T, to io.Writer) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelError}))))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(t0)
	env.SetTestTimeout(2 * time.Minute)
	// A busy machine, with the race detector on, takes longer for a workflow task than the second that the SDK allows.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflowID, TaskQueue: workflows.TaskQueueWorkflows})
	return env
}

func execute(env *testsuite.TestWorkflowEnvironment, body func(workflow.Context) error) error {
	env.ExecuteWorkflow(body)
	return env.GetWorkflowError()
}

// timers counts the timers that a run starts.
func timers(env *testsuite.TestWorkflowEnvironment) *int {
	started := 0
	env.SetOnTimerScheduledListener(func(string, time.Duration) { started++ })
	return &started
}

func TestATimerWakesTheLoopOnceAtItsTime(t *testing.T) {
	t.Parallel()
	env := environment(t)
	started := timers(env)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 0)
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(minute), "test")
		require.False(t, r.HasWork())
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.Equal(t, t0.Add(minute), r.Now())
		require.True(t, r.Timer.Fired())
		r.Turn()
		require.False(t, r.HasWork(), "a timer that fired is cleared: the loop would spin")
		return nil
	}))
	require.Equal(t, 1, *started)
}

func TestARunningEarlierTimerStays(t *testing.T) {
	t.Parallel()
	env := environment(t)
	started := timers(env)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 0)
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(10*minute), "test")
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(20*minute), "later: the first wakes the loop for nothing")
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(10*minute), "the same")
		r.Timer.Set(r.Ctx, r.Now(), time.Time{}, "never")
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.Equal(t, t0.Add(10*minute), r.Now())
		return nil
	}))
	require.Equal(t, 1, *started)
}

func TestAnEarlierTimerReplacesTheRunningOne(t *testing.T) {
	t.Parallel()
	env := environment(t)
	started, cancelled := timers(env), 0
	env.SetOnTimerCanceledListener(func(string) { cancelled++ })
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 0)
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(10*minute), "test")
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(5*minute), "sooner")
		require.False(t, r.Timer.Fired(), "that the first was cancelled is no wake-up")
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.Equal(t, t0.Add(5*minute), r.Now())
		r.Turn()
		r.Timer.Set(r.Ctx, r.Now(), t0.Add(20*minute), "after it has fired")
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.Equal(t, t0.Add(20*minute), r.Now())
		return nil
	}))
	require.Equal(t, 3, *started)
	require.Equal(t, 1, cancelled)
}

func TestARunTakesACancellationOnceAndGoesOn(t *testing.T) {
	t.Parallel()
	env := environment(t)
	env.RegisterDelayedCallback(env.CancelWorkflow, minute)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 1)
		require.False(t, r.TakeCancel())
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.False(t, r.WantsNewRun())
		require.True(t, r.TakeCancel())
		require.True(t, r.WantsNewRun(), "it counts as a step")
		require.False(t, r.TakeCancel())
		require.False(t, r.HasWork())
		return workflow.Sleep(r.Ctx, minute)
	}))
}

func TestARunContinuesAsNewAfterItsStepsOrWhenAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after  int
		during func(r *entity.Run)
		signal bool
		want   bool
	}{
		"no steps":       {3, func(*entity.Run) {}, false, false},
		"too few":        {3, func(r *entity.Run) { r.Step(2) }, false, false},
		"enough":         {3, func(r *entity.Run) { r.Step(2); r.Changed() }, false, true},
		"never by steps": {0, func(r *entity.Run) { r.Step(1000) }, false, false},
		"by an operator": {0, func(*entity.Run) {}, true, true},
		"by the time": {1, func(r *entity.Run) {
			r.Timer.Set(r.Ctx, r.Now(), t0.Add(minute), "test")
			_ = workflow.Await(r.Ctx, r.HasWork)
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(t)
			if c.signal {
				env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }, 0)
			}
			err := execute(env, func(ctx workflow.Context) error {
				r := entity.Start(ctx, c.after)
				if c.signal {
					require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
				}
				c.during(r)
				r.Turn()
				if !r.WantsNewRun() {
					return nil
				}
				require.True(t, r.CanEnd())
				return r.ContinueAsNew("next", "carried")
			})
			var continued *workflow.ContinueAsNewError
			require.Equal(t, c.want, errors.As(err, &continued), "%v", err)
			if c.want {
				require.Equal(t, "next", continued.WorkflowType.Name)
			}
		})
	}
}

func TestAnUpdateThatChangedTheStateWakesTheLoop(t *testing.T) {
	t.Parallel()
	env := environment(t)
	var refused []string
	send := func(at time.Duration, in int) {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow("add", "", &testsuite.TestUpdateCallback{
				OnReject: func(err error) {
					var application *temporal.ApplicationError
					require.ErrorAs(t, err, &application)
					require.True(t, application.NonRetryable())
					refused = append(refused, application.Type()+": "+application.Message())
				},
				OnAccept:   func() {},
				OnComplete: func(_ any, err error) { require.NoError(t, err) },
			}, in)
		}, at)
	}
	send(minute, -1)
	send(2*minute, 5)
	sum := 0
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 1)
		err := entity.HandleUpdate(r, "add", "Add a number", func(in int) error {
			if in < 0 {
				return rules.Refuse(workflows.ErrTypeTooMany, "%d is below 0", in)
			}
			return nil
		}, func(in int) int {
			sum += in
			return sum
		})
		require.NoError(t, err)
		require.NoError(t, entity.HandleState(r, "The sum", func() int { return sum }))
		require.NoError(t, workflow.Await(r.Ctx, r.HasWork))
		require.Equal(t, t0.Add(2*minute), r.Now(), "a refused one wakes nothing")
		require.True(t, r.WantsNewRun(), "it counts as a step")
		r.Turn()
		require.False(t, r.HasWork())
		return nil
	}))
	require.Equal(t, 5, sum)
	require.Equal(t, []string{workflows.ErrTypeTooMany + ": -1 is below 0"}, refused)
	value, err := env.QueryWorkflow(workflows.QueryState)
	require.NoError(t, err)
	var answer int
	require.NoError(t, value.Get(&answer))
	require.Equal(t, 5, answer)
}

func TestNewsThatWaitsLetsOnlyARefusalPassThatItMayLift(t *testing.T) {
	t.Parallel()
	mayLift, final := rules.RefuseUntilNews(workflows.ErrTypeTooMany, "too many"), rules.Refuse(workflows.ErrTypeTooMany, "too many")
	for name, c := range map[string]struct {
		refusal error
		hasNews func() bool
		accepts bool
	}{
		"news may lift it":      {mayLift, func() bool { return true }, true},
		"no news waits":         {mayLift, func() bool { return false }, false},
		"there is never news":   {mayLift, nil, false},
		"no news can lift it":   {final, func() bool { return true }, false},
		"an error of the check": {errors.New("other"), func() bool { return true }, false},
	} {
		env := environment(t)
		var accepted, rejected int
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow("add", "", &testsuite.TestUpdateCallback{
				OnReject: func(error) { rejected++ }, OnAccept: func() { accepted++ }, OnComplete: func(any, error) {},
			}, 1)
		}, minute)
		require.NoError(t, execute(env, func(ctx workflow.Context) error {
			r := entity.Start(ctx, 0)
			if c.hasNews != nil {
				r.HasNews = c.hasNews
			}
			require.NoError(t, entity.HandleUpdate(r, "add", "Add", func(int) error { return c.refusal }, func(int) int { return 0 }))
			return workflow.Sleep(r.Ctx, 2*minute)
		}), name)
		require.Equal(t, c.accepts, accepted == 1, name)
		require.Equal(t, !c.accepts, rejected == 1, name)
	}
}

func TestAnUpdateSeesTheNewsThatCameBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handle     func(r *entity.Run, name, description string, check func(int) error, apply func(int) int) error
		open       bool
		openByNews bool
		applied    []string
		accepted   bool
	}{
		"news opens it":                 {entity.HandleUpdate[int, int], false, true, []string{"news", "update"}, true},
		"news closes it":                {entity.HandleUpdate[int, int], true, false, []string{"news"}, false},
		"lazily, news opens it":         {entity.HandleUpdateLazily[int, int], false, true, []string{"news", "update"}, true},
		"lazily, news would close it":   {entity.HandleUpdateLazily[int, int], true, false, []string{"update"}, true},
		"lazily, news does not open it": {entity.HandleUpdateLazily[int, int], false, false, []string{"news"}, false},
		"news keeps it open":            {entity.HandleUpdate[int, int], true, true, []string{"news", "update"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(t)
			open, accepted := c.open, false
			var applied []string
			env.RegisterDelayedCallback(func() {
				env.UpdateWorkflow("add", "", &testsuite.TestUpdateCallback{
					OnReject: func(err error) { require.NoError(t, err) }, OnAccept: func() {},
					OnComplete: func(_ any, err error) { accepted = err == nil },
				}, 1)
			}, minute)
			require.NoError(t, execute(env, func(ctx workflow.Context) error {
				r := entity.Start(ctx, 0)
				r.HasNews = func() bool { return true }
				r.ApplyWaiting = func() { applied, open = append(applied, "news"), c.openByNews }
				require.NoError(t, c.handle(r, "add", "Add", func(int) error {
					if !open {
						return rules.RefuseUntilNews(workflows.ErrTypeTooMany, "too many")
					}
					return nil
				}, func(int) int {
					applied = append(applied, "update")
					return 0
				}))
				return workflow.Sleep(r.Ctx, 2*minute)
			}))
			require.Equal(t, c.applied, applied)
			require.Equal(t, c.accepted, accepted)
		})
	}
}

func TestARefusalOfTheHandlerKeepsItsType(t *testing.T) {
	t.Parallel()
	err := entity.Refused(rules.Invalid("by: too long"))
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, workflows.ErrTypeInvalidArgument, application.Type())
	require.Equal(t, "by: too long", application.Message())
	require.True(t, application.NonRetryable())
	require.NoError(t, entity.Refused(nil))
	other := errors.New("other")
	require.Equal(t, other, entity.Refused(other))
}

func TestTheWorkflowIDIsCheckedAgainstTheRightOne(t *testing.T) {
	t.Parallel()
	require.NoError(t, execute(environment(t), func(ctx workflow.Context) error { return entity.Start(ctx, 0).CheckID(workflowID) }))
	err := execute(environment(t), func(ctx workflow.Context) error { return entity.Start(ctx, 0).CheckID("test/two") })
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, workflows.ErrTypeWorkflowID, application.Type())
	require.True(t, application.NonRetryable())
	require.Contains(t, application.Message(), `"test/one"`)
	require.Contains(t, application.Message(), `start it with "test/two"`)
}

func TestAStateOfANewerVersionFailsTheTask(t *testing.T) {
	t.Parallel()
	require.NotPanics(t, func() { entity.CheckVersion(2, 2); entity.CheckVersion(1, 2) })
	require.PanicsWithValue(t, "the carried state has version 3, this code knows 2: run a newer worker", func() { entity.CheckVersion(3, 2) })
}

func TestARunKeepsTheVersionOfTheCodeThatBeganIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		current  int
		recorded workflow.Version // 0: this code begins the run
		want     int
		asked    bool
	}{
		"the first version records nothing":          {1, 0, 1, false},
		"a run that begins":                          {2, 0, 2, true},
		"a run that the first version began":         {2, workflow.DefaultVersion, 1, true},
		"a run that the version before this began":   {3, 2, 2, true},
		"a run that this version began and replays":  {3, 3, 3, true},
		"the first version's run in a later version": {3, workflow.DefaultVersion, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := environment(t)
			asked := false
			env.OnGetVersion("state", workflow.DefaultVersion, workflow.Version(c.current)).Return(func(_ string, _, newest workflow.Version) workflow.Version {
				asked = true
				if c.recorded != 0 {
					return c.recorded
				}
				return newest
			}).Maybe()
			require.NoError(t, execute(env, func(ctx workflow.Context) error {
				require.Equal(t, c.want, entity.Start(ctx, 0).BeginVersion(c.current))
				return nil
			}))
			require.Equal(t, c.asked, asked)
		})
	}
}

func TestASignalHasNoFieldsOfASkippedOne(t *testing.T) {
	t.Parallel()
	env := environment(t)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow("events", json.RawMessage(`[{"kind":"odd","facts":{"caseId":"odd"},"receivedAt":5}]`))
		env.SignalWorkflow("events", json.RawMessage(`[{"kind":"good"}]`))
		env.SignalWorkflow("events", "odd")
	}, minute)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		events := workflow.GetSignalChannel(ctx, "events")
		require.NoError(t, workflow.Sleep(ctx, 2*minute))
		require.Equal(t, [][]workflows.CaseEvent{{{EventMeta: workflows.EventMeta{Kind: "good"}}}}, entity.Drain[[]workflows.CaseEvent](events))
		return nil
	}))
}

func TestDrainReturnsAllSignalsInOrder(t *testing.T) {
	t.Parallel()
	env := environment(t)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflowSkippingWorkflowTask("numbers", []int{1, 2, 3})
		env.SignalWorkflowSkippingWorkflowTask("numbers", []int{4})
		env.SignalWorkflow("numbers", []int{})
	}, minute)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		numbers := workflow.GetSignalChannel(ctx, "numbers")
		require.Empty(t, entity.Drain[[]int](numbers))
		require.NoError(t, workflow.Await(ctx, func() bool { return numbers.Len() == 3 }))
		require.Equal(t, [][]int{{1, 2, 3}, {4}, {}}, entity.Drain[[]int](numbers))
		require.Zero(t, numbers.Len())
		return nil
	}))
}

var publicState = []entity.Published{
	{State: "RUNNING"},
	{State: "RUNNING", Details: "more"},
	{State: "RUNNING", CaseID: "c1", Account: "eu", Attention: []string{"conflict"}, DueAt: t0.Add(time.Hour + time.Millisecond)},
	{State: "RUNNING", CaseID: "c1", Account: "eu", Attention: []string{"conflict"}, DueAt: t0.Add(time.Hour)},
	{State: "RUNNING", CaseID: "c1", Account: "eu", Attention: []string{"conflict", "account"}, DueAt: t0.Add(2 * time.Hour)},
	{State: "DONE", CaseID: "c1", Account: "eu", DueAt: t0.Add(3 * time.Hour)},
	{State: "DONE", CaseID: "c1", Account: "eu"},
}

func TestOnlyWhatChangedIsUpsertedAndInOneCommand(t *testing.T) {
	t.Parallel()
	state := temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)
	attention := temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention)
	caseID := temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeCaseID)
	due := temporal.NewSearchAttributeKeyTime(workflows.SearchAttributeDueAt)
	var logged bytes.Buffer
	env := environmentThatLogs(t, &logged)
	// The client has set the state with the start.
	require.NoError(t, env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(state.ValueSet("RUNNING"))))
	upserts := 0
	env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(mock.Arguments) { upserts++ }).Return(nil)
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		r := entity.Start(ctx, 0)
		for i, want := range []int{0, 0, 1, 1, 2, 3, 3} {
			r.Publish(publicState[i])
			require.Equal(t, want, upserts, "after %d", i)
			set := workflow.GetTypedSearchAttributes(ctx)
			got, _ := set.GetKeyword(state)
			require.Equal(t, publicState[i].State, got)
			got, _ = set.GetKeyword(caseID)
			require.Equal(t, publicState[i].CaseID, got)
			got, _ = set.GetKeyword(temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount))
			require.Equal(t, publicState[i].Account, got)
			list, _ := set.GetKeywordList(attention)
			require.Equal(t, publicState[i].Attention, list)
			at, isDue := set.GetTime(due)
			require.Equal(t, len(list) > 0, isDue, "due only while a person is needed")
			require.True(t, strings.HasPrefix(workflow.GetCurrentDetails(ctx), publicState[i].Details))
			require.Equal(t, len(list), strings.Count(workflow.GetCurrentDetails(ctx), "\n- "), "what to do is said")
			if isDue {
				require.Equal(t, publicState[i].DueAt.Truncate(time.Second), at.UTC())
			}
		}
		return nil
	}))
	require.Empty(t, logged.String())
}

// published outlives a run: the next one must not write the same values again.
func TestTheNextRunKnowsWhatIsPublished(t *testing.T) {
	t.Parallel()
	var carried temporal.SearchAttributes
	p := publicState[2]
	for run := range 2 {
		env := environment(t)
		require.NoError(t, env.SetTypedSearchAttributesOnStart(carried))
		upserts := 0
		env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(mock.Arguments) { upserts++ }).Return(nil).Maybe()
		require.NoError(t, execute(env, func(ctx workflow.Context) error {
			entity.Start(ctx, 0).Publish(p)
			carried = workflow.GetTypedSearchAttributes(ctx)
			return nil
		}))
		require.Equal(t, 1-run, upserts)
	}
}

func callOptions(ctx workflow.Context, within time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: minute, ScheduleToCloseTimeout: within, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: minute, BackoffCoefficient: 1},
	})
}

type call = entity.Call[string, int]

func register(env *testsuite.TestWorkflowEnvironment, do func(attempt int32) (int, error)) {
	attempt := int32(0)
	env.RegisterActivityWithOptions(func(string) (int, error) {
		attempt++
		return do(attempt)
	}, activity.RegisterOptions{Name: "call"})
}

func TestACallIsRunningUntilItsResultIsTaken(t *testing.T) {
	t.Parallel()
	env := environment(t)
	register(env, func(attempt int32) (int, error) {
		if attempt < 3 {
			return 0, errors.New("later")
		}
		return 7, nil
	})
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		var c call
		require.False(t, c.Running() || c.Done())
		c.Cancel() // nothing to cancel
		c = entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		require.True(t, c.Running())
		require.False(t, c.Done())
		require.NoError(t, workflow.Await(ctx, c.Done))
		params, result, failure := c.Take(ctx)
		require.Equal(t, "params", params)
		require.Equal(t, 7, result)
		require.Nil(t, failure)
		require.False(t, c.Running())
		return nil
	}))
}

func TestACancelledCallHasTheCancelledFailure(t *testing.T) {
	t.Parallel()
	env := environment(t)
	register(env, func(int32) (int, error) { return 0, temporal.NewApplicationError("later", "Later") })
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		c := entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		require.NoError(t, workflow.Sleep(ctx, 90*time.Second))
		c.Cancel()
		c.Cancel()
		require.NoError(t, workflow.Await(ctx, c.Done))
		_, _, failure := c.Take(ctx)
		require.Equal(t, &rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"}, failure)

		c = entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		c.Drop()
		require.False(t, c.Running())
		return nil
	}))
}

func TestOnlyARepeatableCallReportsTheFailureOfItsLastAttempt(t *testing.T) {
	t.Parallel()
	application := temporal.NewApplicationError("refused", workflows.ErrTypeOffloadForbidden)
	timeout := temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, application)
	cancelled := temporal.NewCanceledError()
	for name, c := range map[string]struct {
		err        error
		want, last rules.Failure
	}{
		"application": {
			application,
			rules.Failure{Type: workflows.ErrTypeOffloadForbidden, Message: "refused"},
			rules.Failure{Type: workflows.ErrTypeOffloadForbidden, Message: "refused"},
		},
		"application with a pause": {
			temporal.NewApplicationErrorWithOptions("503", workflows.ErrTypeOffloadUnreachable, temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour}),
			rules.Failure{Type: workflows.ErrTypeOffloadUnreachable, Message: "503", RetryAfter: time.Hour},
			rules.Failure{Type: workflows.ErrTypeOffloadUnreachable, Message: "503", RetryAfter: time.Hour},
		},
		"timeout after a failure": {
			timeout,
			rules.Failure{Message: "no answer in time (ScheduleToClose)"},
			rules.Failure{Type: workflows.ErrTypeOffloadForbidden, Message: "refused"},
		},
		"cancelled": {
			cancelled,
			rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"},
			rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"},
		},
		"an error that names a cancellation as its cause": {
			temporal.NewApplicationErrorWithCause("uncertain", workflows.ErrTypeOffloadUncertain, cancelled),
			rules.Failure{Type: workflows.ErrTypeOffloadUncertain, Message: "uncertain"},
			rules.Failure{Type: workflows.ErrTypeOffloadUncertain, Message: "uncertain"},
		},
		"anything else": {errors.New("odd"), rules.Failure{Message: "odd"}, rules.Failure{Message: "odd"}},
	} {
		require.Equal(t, c.want, entity.Failure(c.err), name)
		require.Equal(t, c.last, entity.LastFailure(c.err), name)
	}
}

func TestTakeTranslatesTheErrorAndTakeErrorReturnsIt(t *testing.T) {
	t.Parallel()
	env := environment(t)
	register(env, func(int32) (int, error) {
		return 0, temporal.NewApplicationErrorWithOptions("refused", "Refused", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{4}})
	})
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		c := entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		require.NoError(t, workflow.Await(ctx, c.Done))
		_, _, failure := c.Take(ctx)
		require.Equal(t, &rules.Failure{Type: "Refused", Message: "refused", Final: true}, failure)

		c = entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		require.NoError(t, workflow.Await(ctx, c.Done))
		params, _, err := c.TakeError(ctx)
		require.Equal(t, "params", params)
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		var details int
		require.NoError(t, application.Details(&details))
		require.Equal(t, 4, details)
		require.False(t, c.Running())

		c = entity.Execute[string, int](callOptions(ctx, time.Hour), "call", "params")
		require.NoError(t, workflow.Await(ctx, c.Done))
		_, _, failure = c.TakeRepeatable(ctx)
		require.Equal(t, &rules.Failure{Type: "Refused", Message: "refused", Final: true}, failure)
		return nil
	}))
}

func TestAHandOffHasOneAttemptAndReturnsItsFailure(t *testing.T) {
	t.Parallel()
	env := environment(t)
	params := workflows.HandOff{Source: workflowID}
	attempts := 0
	env.RegisterActivityWithOptions(func(ctx context.Context, h workflows.HandOff) error {
		require.Equal(t, params, h)
		info := activity.GetInfo(ctx)
		require.Equal(t, 5*time.Second, info.StartToCloseTimeout, "a hand-off that hangs ends")
		require.Equal(t, 10*time.Second, info.ScheduleToCloseTimeout, "its waiting for a slot included")
		if attempts++; attempts == 1 {
			return temporal.NewApplicationError("away", "Away")
		}
		return nil
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	require.NoError(t, execute(env, func(ctx workflow.Context) error {
		for _, want := range []*rules.Failure{{Type: "Away", Message: "away"}, nil} {
			h := entity.StartHandOff(ctx, params)
			require.True(t, h.Running())
			require.NoError(t, workflow.Await(ctx, h.Done))
			got, _, failure := h.Take(ctx)
			require.Equal(t, params, got)
			require.Equal(t, want, failure)
		}
		return nil
	}))
	require.Equal(t, 2, attempts, "the outbox repeats it, not the worker")
}
