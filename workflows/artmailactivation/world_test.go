package artmailactivation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
)

// life plays a scenario over all runs of the workflow. Each new run gets the carried input, through JSON as on the wire, and the
// remaining steps.
type life struct {
	t     *testing.T
	start workflows.ActivationStart
	every int // continue as new after every so many events; 0: never
	env   *testsuite.TestWorkflowEnvironment
	hold  storytest.Hold

	workflowID string
	// carriedIn is the carried input of the first run.
	carriedIn *lifecycle.State
	steps     []*step
	// sent has the ends of the steps whose signals the workflow does not have yet.
	sent   []func()
	checks func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error)

	// receiver answers hand-offs; nil accepts all.
	receiver func(attempt int, h workflows.HandOff) error

	mu         sync.Mutex
	notices    []workflows.PostedNotice
	handOffs   int
	checked    int
	queues     []string // where checks were begun
	attributes temporal.SearchAttributes
	upserts    int
	memos      []any // upserted as the options in force
	timers     int
	carried    int // the largest input of a run, in bytes
	runs       int
	now        time.Time
	final      workflows.ActivationState
	err        error
}

type step struct {
	at   time.Time
	done bool
	do   func(env *testsuite.TestWorkflowEnvironment, done func())
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

// everyLife plays a scenario without continue-as-new, and with it forced after every 1, 2, 3, 5 and 7 steps.
func everyLife(t *testing.T, scenario func(t *testing.T, l *life)) {
	t.Helper()
	storytest.Repeat(t, func(t *testing.T, every int) { scenario(t, newLife(t, every)) })
}

func newLife(t *testing.T, every int) *life {
	return &life{
		t: t, every: every, now: noon, workflowID: "artmail-activation/pages/act_1",
		start: workflows.ActivationStart{Agent: "pages", ActivationID: "act_1"},
	}
}

func (l *life) at(minutes float64, do func(env *testsuite.TestWorkflowEnvironment, done func())) {
	l.steps = append(l.steps, &step{at: at(minutes), do: do})
}

// events arrive in one signal.
func (l *life) events(minutes float64, events ...workflows.ActivationEvent) {
	l.signal(minutes, workflows.SignalArtmailEvents, events)
}

func (l *life) signal(minutes float64, name string, payload any) {
	l.at(minutes, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		l.sent = append(l.sent, done)
		env.SignalWorkflow(name, payload)
	})
}

func (l *life) cancel(minutes float64) {
	l.at(minutes, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		env.CancelWorkflow()
		done()
	})
}

// update requires that the update answers; answered may be nil.
func (l *life) update(minutes float64, name string, arg any, answered func(result any)) {
	l.updated(minutes, name, arg, func(result any, err error) {
		require.NoError(l.t, err)
		if answered != nil {
			answered(result)
		}
	})
}

// refused requires that the update is refused with the type.
func (l *life) refused(minutes float64, name string, arg any, errType string) {
	l.updated(minutes, name, arg, func(_ any, err error) {
		var refusal *temporal.ApplicationError
		require.ErrorAs(l.t, err, &refusal)
		require.Equal(l.t, errType, refusal.Type())
		require.True(l.t, refusal.NonRetryable())
	})
}

func (l *life) updated(minutes float64, name string, arg any, answered func(result any, err error)) {
	l.at(minutes, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
			OnAccept: done,
			OnReject: func(err error) {
				done()
				answered(nil, err)
			},
			OnComplete: answered,
		}, arg)
	})
}

// see looks at the state with the query.
func (l *life) see(minutes float64, look func(state workflows.ActivationState)) {
	l.at(minutes, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		value, err := env.QueryWorkflow(workflows.QueryState)
		require.NoError(l.t, err)
		var state workflows.ActivationState
		require.NoError(l.t, value.Get(&state))
		look(state)
		done()
	})
}

// play runs the workflow until it ends. If a scenario does not end otherwise, its last step ends it.
func (l *life) play() {
	l.t.Helper()
	input := encode(l.t, l.start)
	input.Carried = l.carriedIn
	for l.runs = 1; ; l.runs++ {
		require.Less(l.t, l.runs, 3000, "it continues as new for ever")
		gate := new(storytest.Gate)
		env := l.newRun(gate)
		env.ExecuteWorkflow(workflows.ArtmailActivationWorkflow, input)
		gate.Close()
		require.True(l.t, env.IsWorkflowCompleted())
		l.now = env.Now()

		var again *workflow.ContinueAsNewError
		if l.err = env.GetWorkflowError(); !errors.As(l.err, &again) {
			break
		}
		require.Equal(l.t, workflows.ArtmailActivationWorkflow, again.WorkflowType.Name)
		require.Len(l.t, again.Input.GetPayloads(), 1)
		l.carried = max(l.carried, len(again.Input.GetPayloads()[0].GetData()))
		input = artmailactivation.Input{}
		require.NoError(l.t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &input))
	}
	for _, s := range l.steps {
		require.True(l.t, s.done, "the story ended before its step at %s", s.at)
	}
	if l.err == nil {
		require.NoError(l.t, l.env.GetWorkflowResult(&l.final))
	}
}

// newRun returns the environment of a run, which starts at the time when the last one ended.
func (l *life) newRun(gate *storytest.Gate) *testsuite.TestWorkflowEnvironment {
	l.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	l.env, l.sent = env, nil
	env.SetStartTime(l.now)
	env.SetTestTimeout(2 * time.Minute)
	env.RegisterWorkflowWithOptions(workflowOf(l.every), workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	env.RegisterActivityWithOptions(l.check, activity.RegisterOptions{Name: workflows.ActivityArtmailCheckApproval})
	env.RegisterActivityWithOptions(l.handOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: l.workflowID, TaskQueue: workflows.TaskQueueWorkflows})
	env.SetWorkerOptions(worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{gate, &l.hold, &watchUpserts{life: l}},
		// On a busy machine with the race detector, a workflow task can take longer than the default limit of one second.
		DeadlockDetectionTimeout: time.Minute,
	})
	env.SetOnTimerScheduledListener(func(string, time.Duration) { l.timers++ })
	require.NoError(l.t, env.SetTypedSearchAttributesOnStart(l.attributes))
	for _, s := range l.steps {
		if s.done {
			continue
		}
		env.RegisterDelayedCallback(func() {
			if !env.IsWorkflowCompleted() {
				s.do(env, func() { s.done = true })
			}
		}, max(0, s.at.Sub(l.now)))
	}
	return env
}

func workflowOf(every int) any {
	if every == 0 {
		return artmailactivation.Workflow
	}
	return artmailactivation.ContinuingAfter(every)
}

// check plays the activity of the agent's author.
func (l *life) check(params workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checked++
	return l.checks(params)
}

// handOff plays the local activity "notice.hand-off" without configured targets: notices without a receiver have no target.
func (l *life) handOff(h workflows.HandOff) (result workflows.HandOffResult, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.Source != workflows.ArtmailActivationWorkflowID(l.start.Agent, l.start.ActivationID) || h.Agent != "pages" || len(h.Notices) == 0 || len(h.Notices) > 50 || h.Files != nil {
		return result, fmt.Errorf("a hand-off of %d notices from %s", len(h.Notices), h.Source)
	}
	var told []workflows.PostedNotice
	for _, n := range h.Notices {
		if n.ReplyTo == nil {
			result.WithoutTarget = append(result.WithoutTarget, n.ID)
		} else {
			told = append(told, n)
		}
	}
	if h.Notices = told; len(told) == 0 {
		return result, nil
	}
	l.handOffs++
	if l.receiver != nil {
		if err := l.receiver(l.handOffs, h); err != nil {
			return workflows.HandOffResult{}, err
		}
	}
	l.notices = append(l.notices, told...)
	return result, nil
}

// failFirstHandOffs makes the first n hand-offs fail.
func (l *life) failFirstHandOffs(n int) {
	l.receiver = func(attempt int, _ workflows.HandOff) error {
		if attempt <= n {
			return errors.New("Temporal is away")
		}
		return nil
	}
}

// holdFirstHandOff keeps the first hand-off running until release.
func (l *life) holdFirstHandOff() (release func()) {
	held := make(chan struct{})
	l.receiver = func(attempt int, _ workflows.HandOff) error {
		if attempt == 1 {
			<-held
		}
		return nil
	}
	return func() { close(held) }
}

// shown returns the search attributes by name.
func (l *life) shown() map[string]any {
	byName := map[string]any{}
	for key, value := range l.attributes.GetUntypedValues() {
		byName[key.GetName()] = value
	}
	return byName
}

// answered returns the status in the notice of each approval. It fails if an approval has two notices, or a notice is incomplete.
func (l *life) answered() map[string]workflows.ApprovalStatus {
	l.t.Helper()
	told := map[string]workflows.ApprovalStatus{}
	var seq int64
	for _, n := range l.notices {
		require.Greater(l.t, n.Seq, seq)
		seq = n.Seq
		a := n.Data.Approval
		if a == nil {
			continue
		}
		require.NotContains(l.t, told, a.MessageID, "a second notice reports the end")
		require.Equal(l.t, l.workflowID, n.Source)
		require.Equal(l.t, "act_1", n.ActivationID)
		require.Equal(l.t, a.ReplyTo, n.ReplyTo)
		require.Equal(l.t, strings.ToLower("approval."+string(a.Status)), string(n.Kind))
		told[a.MessageID] = a.Status
	}
	return told
}

// noticed returns the notices of runs.
func (l *life) noticed() []string {
	var kinds []string
	for _, n := range l.notices {
		if n.Data.Run != nil {
			kinds = append(kinds, string(n.Kind)+" "+n.Data.Run.RunID)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// encode encodes the start as the relay does, which knows the contract's type only.
func encode(t *testing.T, start workflows.ActivationStart) artmailactivation.Input {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(start)
	require.NoError(t, err)
	var in artmailactivation.Input
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(payloads, &in))
	return in
}

// quiet is a logger that writes nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
