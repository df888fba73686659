package casetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// death is how a worker dies in an activity of a case, or of a workflow that the case makes.
type death struct {
	activity string
	// within is the ID of the workflow that has the activity.
	within func(reference string) string
	// route is the provider's route that the activity calls; empty: it calls none, or reads much and is held before and after it only.
	route offloadsim.Route
	start func(reference string, start *workflows.CaseStart)
	// local: it is a local activity. It fails after some seconds, and is tried again after growing pauses, so the worker stops in it last.
	local bool
	// bring makes the case need the activity; nil: it does at once.
	bring func(*testing.T, *killStage, doomed)
	// meanwhile happens while the worker stands still; nil: nothing.
	meanwhile func(*testing.T, *killStage, doomed)
	// ends waits for what the next worker makes of it.
	ends func(*testing.T, *killStage, doomed)
}

// doomed is a case, or an activation, whose worker is killed in one activity at one point.
type doomed struct {
	death
	point string
	// key is the heldKey of the activity, where the worker stops in it by itself.
	key string
	*signalbox.Case
	// activation is that with the ID, where there is no case.
	activation *signalbox.Activation
	id         string
	// call is the held call, where the worker dies while it is on its way.
	call *hold
	// told waits for the notices, where a workflow receives them.
	told func() []workflows.Notice
}

func ofCase(reference string) string { return workflows.OffloadCaseWorkflowID(reference) }

func ofNotify(reference string) string { return workflows.NotifyWorkflowID(ofCase(reference)) }

var deaths = []death{
	{activity: workflows.ActivityOffloadCreateCase, within: ofCase, route: offloadsim.RouteCreate, ends: isCreatedOnce},
	{activity: workflows.ActivityOffloadProvideInput, within: ofCase, route: offloadsim.RouteInput, bring: answersAQuestion, ends: isAnsweredOnce},
	{
		activity: workflows.ActivityOffloadReconcileCase, within: ofCase, route: offloadsim.RouteGet, bring: completesUnheard, ends: isCompletedOnce,
		start: func(_ string, start *workflows.CaseStart) {
			start.Options.ReconcileAfter = workflows.Duration(50 * time.Millisecond)
			// It polls until the others are ready to be killed. By default each pause is twice the one before.
			start.Options.PollCeiling = workflows.Duration(time.Second)
		},
	},
	{
		activity: workflows.ActivityOffloadGetCase, within: ofCase, route: offloadsim.RouteGet, bring: completes, ends: isCompletedOnce,
		start: func(_ string, start *workflows.CaseStart) { start.Options.ConfirmEnd = true },
	},
	{activity: workflows.ActivityArchiveStoreAttachment, within: workflows.OffloadFilesWorkflowID, bring: completesWithAFile, ends: hasFilesOnce},
	{activity: workflows.ActivityArchiveStoreResult, within: workflows.OffloadFilesWorkflowID, bring: completesAtLength, ends: hasFilesOnce},
	{activity: workflows.ActivityNoticeHandOff, local: true, within: ofCase, start: repliesTo, bring: completes, ends: isToldOfTheEnd},
	{
		activity: workflows.ActivityNoticeSignal, within: ofNotify, start: repliesTo,
		bring: asks, meanwhile: completesAndQueues, ends: isToldInOrder,
	},
	{
		activity: workflows.ActivityNoticePost, within: ofNotify, bring: asks, meanwhile: completesAndQueues, ends: isPostedInOrder,
		start: func(_ string, start *workflows.CaseStart) { start.Notify = []string{callback} },
	},
}

func repliesTo(reference string, start *workflows.CaseStart) { start.ReplyTo = receiverOf(reference) }

// agentDeaths are those in the activities of an activation.
var agentDeaths = []death{
	{
		activity: workflows.ActivityNoticeStart,
		within: func(id string) string {
			return workflows.NotifyWorkflowID(workflows.ArtmailActivationWorkflowID(agent, id))
		},
		meanwhile: isPausedAndQueues, ends: isHandedOver(workflows.NoticeActivationActivated, workflows.NoticeActivationPaused),
	},
	{
		activity: workflows.ActivityArtmailCheckApproval,
		within:   func(id string) string { return workflows.ArtmailActivationWorkflowID(agent, id) },
		bring:    isApprovedUnheard, ends: isHandedOver(workflows.NoticeActivationActivated, workflows.NoticeApprovalApproved),
	},
}

// points are where the worker dies in each: before it calls, while the call is on its way there or back, and after the answer.
func (d death) points() []string {
	if d.route == "" {
		return []string{string(begun), string(done)}
	}
	return []string{string(begun), string(arriving), string(returning), string(done)}
}

// One worker has an activity of each kind under way at each point when it is killed, and another takes over.
func TestAKilledWorkerDoesNothingTwiceAndForgetsNothing(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	var all []doomed
	first := stage.worker
	first.Held = map[string]moment{}
	stopped := map[string]bool{} // what the worker has stopped in, by itself
	holdIn := func(d death, id, point string) (key string) {
		key = heldKey(d.within(id), d.activity)
		first.Held[key] = moment(point)
		return key
	}
	for _, d := range deaths {
		for _, point := range d.points() {
			one := doomed{death: d, point: point}
			reference := d.activity + "." + point
			switch point {
			case string(begun), string(done):
				one.key = holdIn(d, reference, point)
			default:
				one.call = stage.offload.hold(reference, d.route, leg(point))
			}
			start := workflows.CaseStart{Reference: reference, Request: request(offloadsim.ScriptManual)}
			if d.start != nil {
				d.start(reference, &start)
			}
			if start.ReplyTo != nil {
				notices := 1
				if d.meanwhile != nil {
					notices = 2
				}
				one.told = startReceiver(t, stage.temporal, reference, notices)
			}
			one.Case = stories.StartCase(t, stage.apps, start)
			all = append(all, one)
		}
	}
	for _, d := range agentDeaths {
		for _, point := range d.points() {
			id, err := stage.artmail.Activate(agent)
			require.NoError(t, err)
			all = append(all, doomed{death: d, point: point, key: holdIn(d, id, point), activation: stage.apps.Activation(agent, id), id: id})
		}
	}

	killed := startWorker(t, first)
	// What the worker gives up meanwhile, it stops in again.
	bring := func(local bool) {
		var brought []doomed
		for _, one := range all {
			if one.local != local {
				continue
			}
			if one.bring != nil {
				one.bring(t, stage, one)
			}
			brought = append(brought, one)
		}
		for _, one := range brought {
			if one.call != nil {
				one.call.wait(t)
			}
			for one.call == nil && !stopped[one.key] {
				stopped[killed.nextStop(t, one.key)] = true
			}
		}
	}
	bring(false)
	for _, one := range all {
		if one.meanwhile != nil {
			one.meanwhile(t, stage, one)
		}
	}
	bring(true)
	killed.kill()
	startWorker(t, stage.worker)

	for _, one := range all {
		one.ends(t, stage, one)
	}
}

// A local activity that is not killed within its time counts as failed, so each of these workers is killed for one case.
func TestAKilledWorkerLeavesTheCheckOfAResultToTheNext(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	var cases []*signalbox.Case
	for _, point := range []moment{begun, done} {
		start := workflows.CaseStart{Reference: "checked." + string(point), Request: request(offloadsim.ScriptManual)}
		start.Request.ResultSchema = []byte(`{"properties":{"amount":{"type":"number"}},"required":["amount"]}`)
		process := stage.worker
		key := heldKey(ofCase(start.Reference), workflows.ActivityOffloadCheckResult)
		process.Held = map[string]moment{key: point}
		killed := startWorker(t, process)
		one := stories.StartCase(t, stage.apps, start)
		require.NoError(t, stage.offload.Complete(stage.running(t, one), map[string]any{"amount": "about 4711"}))
		require.Equal(t, key, killed.nextStop(t, key))
		killed.kill()
		cases = append(cases, one)
	}
	startWorker(t, stage.worker)
	for _, one := range cases {
		got := outcome(t, one)
		require.Equal(t, workflows.CaseCompleted, got.Status, one.Reference())
		require.Equal(t, []workflows.SchemaViolation{{At: "/amount", Reason: "it is of type string, want number"}}, got.ResultCheck.Violations, one.Reference())
		require.Equal(t, []string{workflows.AttentionResultOffSchema}, got.Attention, one.Reference())
		require.Len(t, stage.offload.CasesOf(one.Reference()), 1)
	}
}
