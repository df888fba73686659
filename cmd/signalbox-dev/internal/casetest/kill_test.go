package casetest_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// deaths are the activities of a case, each with the provider's route that it calls.
var deaths = map[string]offloadsim.Route{
	workflows.ActivityOffloadCreateCase:    offloadsim.RouteCreate,
	workflows.ActivityOffloadProvideInput:  offloadsim.RouteInput,
	workflows.ActivityOffloadReconcileCase: offloadsim.RouteGet,
	workflows.ActivityOffloadGetCase:       offloadsim.RouteGet,
}

// handOvers are the activities that pass a case's notices on. They call Temporal, so the worker dies before or after that.
var handOvers = []string{workflows.ActivityNoticeHandOff, workflows.ActivityNoticeSignal}

// points are where the worker dies in each: before it calls, while the call is on its way there or back, and after the answer.
var points = []string{string(begun), string(arriving), string(returning), string(done)}

// doomed is a case whose worker is killed in one activity at one point.
type doomed struct {
	*signalbox.Case
	activity, point string
	// call is the held call, where the worker dies while it is on its way.
	call *hold
	// told waits for the notice of the end, where the case has a receiver.
	told func() []workflows.Notice
}

// One worker has an activity of each kind under way at each point when it is killed, and another takes over.
func TestAKilledWorkerMakesNoSecondCaseAndNoSecondAnswer(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	var cases []doomed
	first := stage.worker
	first.Held = map[string]moment{}
	stopped := map[string]bool{} // what the worker is to stop in, by itself
	for activity, route := range deaths {
		for _, point := range points {
			one := doomed{activity: activity, point: point}
			reference := activity + "." + point
			switch point {
			case string(begun), string(done):
				first.Held[heldKey(reference, activity)] = moment(point)
				stopped[heldKey(reference, activity)] = true
			default:
				one.call = stage.offload.hold(reference, route, leg(point))
			}
			start := workflows.CaseStart{Reference: reference, Request: request(offloadsim.ScriptManual)}
			switch activity {
			case workflows.ActivityOffloadReconcileCase:
				start.Options.ReconcileAfter = workflows.Duration(50 * time.Millisecond)
				// It polls until the others are ready to be killed. By default each pause is twice the one before.
				start.Options.PollCeiling = workflows.Duration(time.Second)
			case workflows.ActivityOffloadGetCase:
				start.Options.ConfirmEnd = true
			}
			one.Case = startCase(t, stage.apps, start)
			cases = append(cases, one)
		}
	}

	for _, activity := range handOvers {
		for _, point := range []moment{begun, done} {
			reference := activity + "." + string(point)
			first.Held[heldKey(reference, activity)] = point
			stopped[heldKey(reference, activity)] = true
			one := doomed{activity: activity, point: string(point), told: startReceiver(t, stage.temporal, reference, 1)}
			one.Case = startCase(t, stage.apps, workflows.CaseStart{
				Reference: reference, Request: request(offloadsim.ScriptManual), ReplyTo: receiverOf(reference),
			})
			cases = append(cases, one)
		}
	}

	killed := startWorker(t, first)
	for _, one := range cases {
		stage.bringTo(t, one)
	}
	for len(stopped) > 0 {
		select {
		case activity, alive := <-killed.stopped:
			require.True(t, alive, "the worker ended by itself")
			delete(stopped, activity)
		case <-time.After(waitTimeout):
			require.FailNow(t, "the worker did not stop", "in %v", stopped)
		}
	}
	for _, one := range cases {
		if one.call != nil {
			one.call.wait(t)
		}
	}
	killed.kill()
	startWorker(t, stage.worker)

	for _, one := range cases {
		stage.requireOnce(t, one)
	}
}

// killStage is a stage of its own: no other worker may take what the killed one leaves.
type killStage struct {
	offload  *provider
	temporal client.Client
	apps     *signalbox.Client
	worker   workerProcess
}

func newStage(t *testing.T) *killStage {
	t.Helper()
	offload, err := newProvider()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, offload.close()) })
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{SearchAttributes: worker.SearchAttributes(), DynamicConfig: impatientServer})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := server.Dial(t.Context(), payloadtest.Apply)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	stopReceivers, err := startReceivers(temporal)
	require.NoError(t, err)
	t.Cleanup(stopReceivers)

	folder := t.TempDir()
	keys, err := keyring.LoadOrCreate(filepath.Join(folder, "keyring.json"))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	ingress, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ingress, service.Settings{
			Config: config.Config{
				PublicURL: url, Inbox: filepath.Join(folder, "inbox.db"),
				MaxBody: 1 << 20, UnmatchedGrace: time.Minute, Drain: 10 * time.Second,
			},
			Parts: config.Ingress, Keyring: keys, Payloads: payloadtest.Keys(), Listener: listener, Log: zap.NewNop(),
			Temporal: client.Options{HostPort: server.FrontendAddr(), Namespace: server.Namespace()},
		})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: keys, PublicURL: url})
	require.NoError(t, err)
	return &killStage{offload: offload, temporal: temporal, apps: apps, worker: workerProcess{
		Keyring: filepath.Join(folder, "keyring.json"), Temporal: server.FrontendAddr(), Namespace: server.Namespace(),
		Ingress: url, Offload: offload.url,
	}}
}

// bringTo makes the case need the activity that its worker dies in.
func (s *killStage) bringTo(t *testing.T, one doomed) {
	t.Helper()
	if one.activity == workflows.ActivityOffloadCreateCase {
		return
	}
	caseID := eventually(t, attended(s.offload, one.Case), isRunning).CaseID
	require.NoError(t, s.offload.SendFirstMessage(caseID))
	switch one.activity {
	case workflows.ActivityOffloadProvideInput:
		questionID, err := s.offload.AskInput(caseID, "Is a PDF fine?")
		require.NoError(t, err)
		inStatus(t, one.Case, workflows.CaseInputNeeded)
		_, err = one.ProvideInput(t.Context(), workflows.ProvideInput{QuestionID: questionID, Text: "Yes."})
		require.NoError(t, err)
	case workflows.ActivityOffloadReconcileCase:
		require.NoError(t, s.offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
		require.NoError(t, s.offload.Complete(caseID, nil))
	case workflows.ActivityOffloadGetCase, workflows.ActivityNoticeHandOff, workflows.ActivityNoticeSignal:
		require.NoError(t, s.offload.Complete(caseID, nil))
	}
}

// requireOnce waits for what the second worker makes of the case.
func (s *killStage) requireOnce(t *testing.T, one doomed) {
	t.Helper()
	var created []offloadsim.Record
	switch one.activity {
	case workflows.ActivityOffloadCreateCase:
		// Nobody can tell whether the worker had posted when it died, so it isn't posted again.
		inStatus(t, one.Case, workflows.CaseCreateUncertain)
		created = s.offload.CasesOf(one.Reference())
		if one.point == string(begun) || one.point == string(arriving) {
			require.Empty(t, created, one.Reference())
			return
		}
		require.Len(t, created, 1, one.Reference())
		require.NoError(t, s.offload.SendFirstMessage(created[0].CaseID))
		require.NoError(t, s.offload.Complete(created[0].CaseID, nil))
	case workflows.ActivityOffloadProvideInput:
		state := eventually(t, one.State, func(s workflows.CaseState) bool { return s.Answers[0].Result != "" })
		want := workflows.InputAccepted
		if one.point == string(returning) || one.point == string(done) {
			want = workflows.InputAlreadyResolved
		}
		require.Equal(t, want, state.Answers[0].Result, one.Reference())
		require.NoError(t, s.offload.Complete(state.CaseID, nil))
	}
	got := outcome(t, one.Case)
	require.Equal(t, workflows.CaseCompleted, got.Status, one.Reference())
	created = s.offload.CasesOf(one.Reference())
	require.Len(t, created, 1, one.Reference())
	require.Equal(t, created[0].CaseID, got.CaseID)
	require.Len(t, created[0].Answers, len(got.Answers))
	if one.told == nil {
		return
	}
	notice := one.told()[0]
	require.Equal(t, workflows.NoticeCaseCompleted, notice.Kind, one.Reference())
	// A task that was never recorded is carried out again, some seconds later by the workflow's clock: only EndedAt may differ.
	notice.Data.Outcome.EndedAt = got.EndedAt
	require.Equal(t, got, *notice.Data.Outcome)
	// The receiver has ended, so what is delivered to it again, since the first answer was lost, may wait.
	made := eventually(t, deliveries(s.temporal, one.Case), func(s workflows.NotifyState) bool { return len(s.Notices) > 0 }).Notices
	require.Len(t, made, 1, "what is handed off again has the same ID")
	require.Equal(t, notice.ID, made[0].ID)
}
