package activationtest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	loadAgent = "busy"
	askers    = 50
	questions = 6 // of each asker
	askQueue  = "askers"
	endSignal = "end"
)

// inquiry is what one asker, a workflow of a business app, asks in its run.
type inquiry struct {
	Activation signalbox.ActivationRef
	RunID      string
	Requests   []workflows.ApprovalRequest
}

// received counts the notices of an asker by ID: Replies are about its approvals, Notices about its run. Kinds are those of Notices.
type received struct {
	Replies, Notices map[string]int
	Statuses         map[string]workflows.ApprovalStatus
	Kinds            []workflows.NoticeKind
	// TooLate: Artmail had force-failed the run before the asker opened it, so opening it failed.
	TooLate bool
}

// ask opens a run, requests its approvals, waits for the signal to end, and returns what it has received.
func ask(ctx workflow.Context, in inquiry) (received, error) {
	replies := workflow.GetSignalChannel(ctx, "reply")
	notices := workflow.GetSignalChannel(ctx, "notice")
	end := workflow.GetSignalChannel(ctx, endSignal)
	// Of fifty that call at once, most are turned away at first: the server takes ten updates of a workflow at a time, and none while its run
	// ends. Pauses that double each time would only make the test longer.
	calls := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 1},
	})
	err := workflow.ExecuteActivity(calls, signalbox.ActivityOpenRun, signalbox.OpenRunOf{
		ActivationRef: in.Activation, Open: workflows.OpenRun{RunID: in.RunID, ReplyTo: signalbox.ReplyHere(ctx, "notice")},
	}).Get(ctx, nil)
	tooLate := errors.Is(signalbox.Failure(err), signalbox.ErrEnded)
	if err != nil && !tooLate {
		return received{}, err
	}
	for i := range in.Requests {
		in.Requests[i].ReplyTo = signalbox.ReplyHere(ctx, "reply")
	}
	err = workflow.ExecuteActivity(calls, signalbox.ActivityRequestApprovals, signalbox.RequestApprovals{
		ActivationRef: in.Activation, Requests: in.Requests,
	}).Get(ctx, nil)
	if err != nil {
		return received{}, err
	}
	end.Receive(ctx, nil)
	all := received{Replies: map[string]int{}, Notices: map[string]int{}, Statuses: map[string]workflows.ApprovalStatus{}, TooLate: tooLate}
	for {
		var reply workflows.Notice
		if !replies.ReceiveAsync(&reply) {
			break
		}
		all.Replies[reply.ID]++
		all.Statuses[reply.Data.Approval.MessageID] = reply.Data.Approval.Status
	}
	for {
		var notice workflows.Notice
		if !notices.ReceiveAsync(&notice) {
			return all, nil
		}
		all.Notices[notice.ID]++
		all.Kinds = append(all.Kinds, notice.Kind)
	}
}

// The workflow of one activation continues as new after every five steps, its worker is replaced after a second and then after ever longer times,
// and Artmail's events come twice, late, and in any order.
func TestAnswersAreDeliveredOnceWithAnyInterruptionOfTheWorkflow(t *testing.T) {
	t.Parallel()
	// A separate server: the workers on the shared one would serve this activation, too.
	o := temporalOptions()
	// Without it, a worker that stops may lose a workflow task, which then waits for its timeout: the test would take minutes.
	o.DynamicConfig["frontend.enableCancelWorkerPollsOnShutdown"] = true
	o.DynamicConfig["history.defaultWorkflowTaskTimeout"] = lostTask
	server, err := temporaldev.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := server.Dial(t.Context(), payloadtest.Apply)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: shared.ring})
	require.NoError(t, err)
	began := time.Now()
	restarts := restartAgainAndAgain(t, temporal)
	runAskers(t, temporal, apps)

	r := startReceiver(t, receiving{temporal: temporal, agents: agents{loadAgent: {secret}}})
	sim := simulate(t, artmailsim.Options{
		// The simulator gives each event another time: in whole seconds, so many would be minutes ahead of the clock.
		Envelope: artmailsim.Envelope{Timestamp: artmailsim.TimeMilliseconds},
		Agents:   []artmailsim.Agent{{Slug: loadAgent, WebhookURL: r.url(loadAgent), Secret: secret}},
		Undocumented: artmailsim.Undocumented{
			DirectBackoff:  []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second},
			QueueIntervals: []time.Duration{time.Second, time.Second, time.Second},
		},
	})
	require.NoError(t, sim.Webhooks.Faults.SetRates(map[courier.Fault]float64{courier.Repeat: 0.2, courier.LoseAnswer: 0.05, courier.Drop: 0.05}))
	id, err := sim.Activate(loadAgent)
	require.NoError(t, err)
	one := apps.Activation(loadAgent, id)
	testenv.Eventually(t, one.State, inStatus(workflows.ActivationActive))

	want := map[string]workflows.ApprovalStatus{}
	var asked []client.WorkflowRun
	var actions []func() error // at Artmail, in any order
	for i := range askers {
		in := inquiry{Activation: signalbox.ActivationRef{Agent: loadAgent, ActivationID: id}}
		in.RunID, err = sim.OpenRun(id)
		require.NoError(t, err)
		fails := i%10 == 0
		if fails {
			actions = append(actions, func() error { return sim.ForceFailRun(in.RunID) })
		}
		for q := range questions {
			request := workflows.ApprovalRequest{RunID: in.RunID}
			if q >= 3 {
				request.RunID = ""
			}
			request.MessageID, err = sim.RequestApproval(id, "May I?", request.RunID)
			require.NoError(t, err)
			respond := func(approved bool) func() error {
				return func() error {
					_, err := sim.RespondApproval(request.MessageID, approved, "", "")
					return err
				}
			}
			switch {
			case request.RunID != "" && fails:
				want[request.MessageID] = workflows.ApprovalVoided
			case q == 3:
				request.Deadline = time.Now().Add(3 * time.Second)
				want[request.MessageID] = workflows.ApprovalExpired
			case q == 4: // until the activation ends
				want[request.MessageID] = workflows.ApprovalVoided
			case q%2 == 0:
				actions = append(actions, respond(false))
				want[request.MessageID] = workflows.ApprovalRejected
			default:
				actions = append(actions, respond(true))
				want[request.MessageID] = workflows.ApprovalApproved
			}
			in.Requests = append(in.Requests, request)
		}
		asked = append(asked, stories.Execute(t, temporal, client.StartWorkflowOptions{ID: fmt.Sprint("ask-", i), TaskQueue: askQueue}, ask, in))
	}
	// Some of these come while approvals are still being registered.
	rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
	for _, act := range actions {
		require.NoError(t, act())
	}
	failed := watchAskers(t, asked)
	testenv.Eventually(t, func(ctx context.Context) (progress, error) {
		require.NoError(t, failed())
		state, err := one.State(ctx)
		return progress{approvals: len(state.Approvals), open: open(state), runs: len(state.Runs)}, err
	}, func(p progress) bool { return p == progress{approvals: askers * questions, open: askers, runs: askers} })
	require.NoError(t, sim.Deactivate(id, artmailsim.DeactivateUser))

	var final workflows.ActivationState
	require.NoError(t, temporal.GetWorkflow(t.Context(), one.WorkflowID(), "").Get(t.Context(), &final))
	require.Equal(t, workflows.ActivationDeactivated, final.Status)
	testenv.Eventually(t, noticesOf(temporal, one), noneWaits)
	runEnds := map[workflows.NoticeKind]int{}
	tooLate, repeated := 0, 0
	got := map[string]workflows.ApprovalStatus{}
	for _, run := range asked {
		stories.Signal(t, temporal, run.GetID(), endSignal, nil)
		var all received
		require.NoError(t, run.Get(t.Context(), &all))
		require.Len(t, all.Replies, questions)
		if all.TooLate {
			tooLate++
			// If the answer to the first attempt was lost, that attempt opened the run, and its notice came, too.
			require.LessOrEqual(t, len(all.Notices), 1)
			all.Kinds = []workflows.NoticeKind{workflows.NoticeRunForceFailed}
		} else {
			require.Len(t, all.Notices, 1)
		}
		// If a worker stops after a delivery, the delivery is repeated with the same ID.
		for _, times := range all.Replies {
			repeated += times - 1
		}
		for message, status := range all.Statuses {
			got[message] = status
		}
		runEnds[all.Kinds[0]]++
	}
	require.Equal(t, want, got)
	require.Equal(t, map[workflows.NoticeKind]int{workflows.NoticeRunForceFailed: askers / 10, workflows.NoticeRunVoided: askers - askers/10}, runEnds)
	runs := runsOf(t, temporal, one.WorkflowID())
	require.Greater(t, runs, 2, "it did continue as new")
	require.Greater(t, restarts(), 1, "its worker did go away")
	t.Logf("%s: %d runs, %d restarts of the workers, %d askers came after the end of their run, %d repetitions",
		time.Since(began).Round(time.Second), runs, restarts(), tooLate, repeated)
}

// progress is how far the activation is; its whole state would be too much to show.
type progress struct{ approvals, open, runs int }

// watchAskers returns a function that returns an error once an asker has ended too early.
func watchAskers(t *testing.T, asked []client.WorkflowRun) func() error {
	t.Helper()
	ended := make(chan error, len(asked))
	for _, run := range asked {
		go func() { ended <- run.Get(t.Context(), nil) }()
	}
	return func() error {
		select {
		case err := <-ended:
			return fmt.Errorf("an asker has ended: %w", err)
		default:
			return nil
		}
	}
}

// runsOf counts the runs of a workflow.
func runsOf(t *testing.T, temporal client.Client, workflowID string) (n int) {
	t.Helper()
	runID := ""
	for {
		n++
		started := stories.MustRetry(t, func(ctx context.Context) (*historypb.HistoryEvent, error) {
			return temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
		})
		if runID = started.GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(); runID == "" {
			return n
		}
	}
}

func open(s workflows.ActivationState) (n int) {
	for _, a := range s.Approvals {
		if a.Status == workflows.ApprovalOpen {
			n++
		}
	}
	return n
}

// lostTask is the timeout of a workflow task: a stopping worker may still lose one. The server's default is ten seconds.
const lostTask = 3 * time.Second

// restartAgainAndAgain runs the workers of the activation and its notices, and replaces them again and again: the first after a second, each later one
// after a tenth of a second more, so that a slow machine makes progress, too. restarts returns how often.
func restartAgainAndAgain(t *testing.T, temporal client.Client) (restarts func() int) {
	t.Helper()
	var count atomic.Int64
	run := func(ctx context.Context) error {
		o := likeProduction()
		o.WorkerStopTimeout = 2 * time.Second
		w := sdkworker.New(temporal, workflows.TaskQueueWorkflows, o)
		w.RegisterWorkflowWithOptions(artmailactivation.ContinuingAfter(5), workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
		w.RegisterWorkflowWithOptions(notify.ContinuingAfter(50), workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
		callbacks := sdkworker.New(temporal, workflows.TaskQueueCallbacks, o)
		notices, err := notice.New(notice.Config{Temporal: temporal, Now: time.Now, Agents: map[string]notice.Agent{loadAgent: {}}})
		if err != nil {
			return err
		}
		for _, each := range []sdkworker.Worker{w, callbacks} {
			notices.Register(each)
			if err := each.Start(); err != nil {
				return err
			}
			defer each.Stop()
		}
		life := time.NewTimer(time.Second + time.Duration(count.Load())*100*time.Millisecond)
		defer life.Stop()
		select {
		case <-ctx.Done():
		case <-life.C:
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	var failed error
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil && failed == nil {
			failed = run(ctx)
			count.Add(1)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		require.NoError(t, failed)
	})
	return func() int { return int(count.Load()) }
}

// likeProduction has as many pollers, in a fixed number, as package worker sets.
func likeProduction() sdkworker.Options {
	pollers := sdkworker.NewPollerBehaviorSimpleMaximum(sdkworker.PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: 10})
	return sdkworker.Options{WorkflowTaskPollerBehavior: pollers, ActivityTaskPollerBehavior: pollers}
}

func runAskers(t *testing.T, temporal client.Client, apps *signalbox.Client) {
	t.Helper()
	w := sdkworker.New(temporal, askQueue, likeProduction())
	w.RegisterWorkflow(ask)
	signalbox.NewActivities(apps).Register(w)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}
