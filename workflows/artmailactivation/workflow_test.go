package artmailactivation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

func TestAnActivationLivesFromItsFirstEventToItsEnd(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.see(1, func(s workflows.ActivationState) {
			require.Equal(t, workflows.ActivationActive, s.Status)
			require.Equal(t, []byte("sealed"), s.SealedAPIKey)
			require.Equal(t, "usr_1", s.User.ID)
		})
		l.events(2, activated())
		l.events(3, paused(3))
		l.events(4, activated(), paused(3))
		l.see(5, func(s workflows.ActivationState) {
			require.Equal(t, workflows.ActivationPaused, s.Status)
			require.Equal(t, 3, s.Duplicates)
		})
		l.events(6, resumed(6))
		l.events(7, paused(5)) // older than the resume
		l.see(8, func(s workflows.ActivationState) { require.Equal(t, workflows.ActivationActive, s.Status) })
		l.events(9, deactivated(9))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, workflows.ActivationDeactivated, l.final.Status)
		require.Equal(t, "user_deactivated", l.final.StatusReason)
		require.Empty(t, l.final.SealedAPIKey)
		require.Equal(t, 5, l.final.EventsApplied+l.final.LateEvents)
		require.Equal(t, map[string]any{workflows.SearchAttributeState: "DEACTIVATED"}, l.shown())
	})
}

func TestEachAnswerReachesItsReceiverOnce(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.events(1, response(1, "early", "m1", true))
		l.update(2, workflows.UpdateRequestApprovals, requests(request("m1"), request("m2")), func(result any) {
			approvals, ok := result.([]workflows.Approval)
			require.True(t, ok)
			require.Equal(t, workflows.ApprovalApproved, approvals[0].Status, "the answer was there")
			require.Equal(t, workflows.ApprovalOpen, approvals[1].Status)
		})
		l.update(3, workflows.UpdateRequestApprovals, requests(requestOfRun("m3", "r1"), requestDue("m4", 30), request("m5"), request("m6")), nil)
		l.update(4, workflows.UpdateRequestApprovals, requests(request("m2")), nil) // again
		l.events(5, response(5, "no", "m2", false))
		l.events(6, response(5, "no", "m2", false), response(6, "changed my mind", "m2", true))
		l.events(7, forceFailed(7, "r1"))
		l.update(8, workflows.UpdateCancelApproval, workflows.CancelApproval{MessageID: "m5"}, nil)
		l.see(29, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalOpen, s.Approvals[3].Status) })
		l.see(31, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalExpired, s.Approvals[3].Status) })
		l.events(32, response(29, "too late", "m4", true))
		l.events(33, deactivated(33))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{
			"m1": workflows.ApprovalApproved, "m2": workflows.ApprovalRejected, "m3": workflows.ApprovalVoided,
			"m4": workflows.ApprovalExpired, "m5": workflows.ApprovalCancelled, "m6": workflows.ApprovalVoided,
		}, l.answered())
		require.Equal(t, 1, l.final.Approvals[1].LateResponses)
		require.Equal(t, 1, l.final.Approvals[3].LateResponses)
	})
}

func TestRefusedCallsSayWhy(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.refused(2, workflows.UpdateRequestApprovals, requests(requestDue("m1", 5)), workflows.ErrTypeApprovalConflict)
		l.refused(3, workflows.UpdateRequestApprovals, requests(), workflows.ErrTypeInvalidArgument)
		l.refused(4, workflows.UpdateCancelApproval, workflows.CancelApproval{MessageID: "m9"}, workflows.ErrTypeUnknownApproval)
		l.refused(5, workflows.UpdateCloseRun, workflows.CloseRun{RunID: "r9"}, workflows.ErrTypeUnknownRun)
		l.events(6, paused(6))
		l.refused(7, workflows.UpdateRequestApprovals, requests(request("m2")), workflows.ErrTypeActivationPaused)
		l.refused(8, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r1"}, workflows.ErrTypeActivationPaused)
		l.update(9, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.events(10, deactivated(10))
		l.play()
		require.NoError(t, l.err)
	})
}

// The update comes in the same workflow task as a signal before it: its answer must include the signal.
func TestAnUpdateSeesTheSignalThatCameBeforeIt(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.events(0, activated())
	l.at(1, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		env.SignalWorkflowSkippingWorkflowTask(workflows.SignalArtmailEvents, []workflows.ActivationEvent{paused(1)})
		env.UpdateWorkflow(workflows.UpdateRequestApprovals, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { require.NoError(t, err) },
			OnComplete: func(_ any, err error) {
				var refusal *temporal.ApplicationError
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, workflows.ErrTypeActivationPaused, refusal.Type())
				done()
			},
		}, requests(request("m1")))
	})
	l.events(2, deactivated(2))
	l.play()
	require.NoError(t, l.err)
}

func TestARunOpensInTheTaskThatResumesTheActivation(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.events(0, activated())
	l.events(1, paused(1))
	l.at(2, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		env.SignalWorkflowSkippingWorkflowTask(workflows.SignalArtmailEvents, []workflows.ActivationEvent{resumed(2)})
		env.UpdateWorkflow(workflows.UpdateOpenRun, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { require.NoError(t, err) },
			OnComplete: func(_ any, err error) {
				require.NoError(t, err)
				done()
			},
		}, workflows.OpenRun{RunID: "r1"})
	})
	l.events(3, deactivated(3))
	l.play()
	require.NoError(t, l.err)
}

func TestRunsAreWarnedAboutAndForceFailed(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		runWaiter := &workflows.ReplyTo{WorkflowID: "run/1", Signal: "run"}
		l.events(0, activated())
		l.update(1, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r1", ReplyTo: runWaiter}, nil)
		l.update(2, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r2", ReplyTo: runWaiter}, nil)
		l.update(3, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r3", ReplyTo: runWaiter}, nil)
		for minute := 4.0; minute < 14; minute += 2 {
			l.signal(minute, workflows.SignalTouchRuns, workflows.TouchRuns{RunIDs: []string{"r2"}})
		}
		l.update(5.5, workflows.UpdateCloseRun, workflows.CloseRun{RunID: "r3"}, nil)
		l.see(12.9, func(s workflows.ActivationState) { require.Empty(t, s.Attention) })
		l.see(13.1, func(s workflows.ActivationState) {
			require.Equal(t, []string{workflows.AttentionRunStale}, s.Attention)
			require.Equal(t, at(13), s.Runs[0].WarnedAt)
		})
		l.events(14, event("agent.renamed", "x", 14)) // the run may end with the attention on
		l.events(16, forceFailed(16, "r1"))
		l.events(17, forceFailed(16, "r1"), forceFailed(16, "unknown"))
		l.see(18, func(s workflows.ActivationState) {
			require.Empty(t, s.Attention)
			require.Len(t, s.Runs, 4)
		})
		l.events(19, paused(19))
		l.see(60, func(s workflows.ActivationState) { require.Empty(t, s.Attention, "its clock stands still") })
		l.events(79, resumed(79))
		l.see(83.9, func(s workflows.ActivationState) { require.Empty(t, s.Attention) })
		l.see(84.1, func(s workflows.ActivationState) {
			require.Equal(t, []string{workflows.AttentionRunStale}, s.Attention)
		})
		l.events(90, deactivated(90))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, []string{"run.force_failed r1", "run.stale_warning r1", "run.stale_warning r2", "run.voided r2"}, l.noticed())
	})
}

func TestDeadlinesShareOneTimer(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.events(0, activated())
	var list []workflows.ApprovalRequest
	for i := range 50 {
		list = append(list, requestDue(string(rune('A'+i)), 30))
	}
	l.update(1, workflows.UpdateRequestApprovals, list, nil)
	l.update(2, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r1"}, nil)
	for minute := 3.0; minute < 29; minute++ {
		l.signal(minute, workflows.SignalTouchRuns, workflows.TouchRuns{RunIDs: []string{"r1"}})
	}
	l.events(31, deactivated(31))
	l.play()
	require.NoError(t, l.err)
	require.Len(t, l.answered(), 50)
	require.Less(t, l.timers, 10, "a touch does not set the timer anew")
}

func TestAFailedHandOffIsRetried(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.receiver = func(attempt int, h workflows.HandOff) error {
			if attempt <= 3 {
				return errors.New("Temporal is away")
			}
			require.Len(t, h.Notices, 2, "what was closed meanwhile goes with it")
			return nil
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1"), request("m2")), nil)
		l.events(2, response(2, "yes", "m1", true))
		l.see(2.01, func(s workflows.ActivationState) { require.Contains(t, s.WaitingFor, "The hand-off of 1 notice") })
		l.events(2.03, response(2, "no", "m2", false))
		l.events(3, deactivated(3))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved, "m2": workflows.ApprovalRejected}, l.answered())
		require.Equal(t, 4, l.handOffs)
		require.Empty(t, l.shown()[workflows.SearchAttributeAttention])
	})
}

func TestTheWorkflowWaitsForItsLastHandOff(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.failFirstHandOffs(3)
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.events(2, deactivated(2))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalVoided}, l.answered())
		require.WithinDuration(t, at(2).Add((1+2+4)*time.Second), l.now, time.Second, "with growing pauses")
	})
}

func TestARefusedNoticeDoesNotKeepTheActivationOpen(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.receiver = func(int, workflows.HandOff) error {
			return temporal.NewNonRetryableApplicationError("the workflow ID is invalid", workflows.ErrTypeNoticeInvalid, nil)
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.events(2, response(2, "yes", "m1", true))
		l.see(3, func(s workflows.ActivationState) {
			require.Equal(t, []string{workflows.AttentionNoticeRefused}, s.Attention)
			require.Equal(t, workflows.ApprovalApproved, s.Approvals[0].Status)
		})
		l.events(4, deactivated(4))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, 1, l.handOffs, "it is not tried again")
		require.Equal(t, []string{workflows.AttentionNoticeRefused}, l.final.Attention)
		require.Equal(t, map[string]any{
			workflows.SearchAttributeState: "DEACTIVATED", workflows.SearchAttributeAttention: []string{workflows.AttentionNoticeRefused},
			workflows.SearchAttributeDueAt: at(2),
		}, l.shown())
	})
}

// A response and a force-failure come in two signals; the second comes before the hand-off of the first.
func TestAnEndBeforeItsHandOffIsCorrected(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]workflows.ActivationEvent{
		"the force-failure came first": {forceFailed(3, "r1"), response(2, "yes", "m1", true)},
		"the response came first":      {response(2, "yes", "m1", true), forceFailed(1, "r1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyLife(t, func(t *testing.T, l *life) {
				want := map[string]workflows.ApprovalStatus{"other": workflows.ApprovalRejected, "m1": workflows.ApprovalApproved}
				if signals[1].Kind == workflows.KindRunForceFailed {
					want["m1"] = workflows.ApprovalVoided
				}
				l.failFirstHandOffs(1)
				l.events(0, activated())
				l.update(1, workflows.UpdateRequestApprovals, requests(requestOfRun("m1", "r1"), request("other")), nil)
				l.events(4, response(4, "no", "other", false)) // its hand-off fails, and the next waits a second
				l.events(4.005, signals[0])
				l.events(4.01, signals[1])
				l.events(5, deactivated(5))
				l.play()
				require.NoError(t, l.err)
				require.Equal(t, want, l.answered())
			})
		})
	}
}

func TestCancellingTheWorkflowSendsItsNotices(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.cancel(2)
		l.play()
		require.True(t, temporal.IsCanceledError(l.err), l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalCancelled}, l.answered())
	})
}

func TestAnOperatorMayForceContinueAsNew(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.events(0, activated())
	l.signal(1, workflows.SignalForceContinueAsNew, nil)
	l.see(2, func(s workflows.ActivationState) { require.Equal(t, workflows.ActivationActive, s.Status) })
	l.events(3, deactivated(3))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, 2, l.runs)
	require.Equal(t, 2, l.upserts, "search attributes outlive the run")
}

func TestItContinuesAsNewWhenTheServerSuggestsIt(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.events(0, activated())
	l.at(1, func(env *testsuite.TestWorkflowEnvironment, done func()) {
		env.SetContinueAsNewSuggested(true)
		env.SignalWorkflow(workflows.SignalTouchRuns, workflows.TouchRuns{})
		done()
	})
	l.events(3, deactivated(3))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, 2, l.runs)
}

func TestAllSignalsOfOneTaskAreApplied(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestOfRun("m1", "r1"), request("m2"), request("m3")), nil)
		l.at(2, func(env *testsuite.TestWorkflowEnvironment, done func()) {
			// A force-failure and an older response come in two signals: Artmail's times decide.
			for _, e := range []workflows.ActivationEvent{forceFailed(3, "r1"), response(2, "a", "m1", true), response(2, "b", "m2", true)} {
				env.SignalWorkflowSkippingWorkflowTask(workflows.SignalArtmailEvents, []workflows.ActivationEvent{e})
			}
			env.SignalWorkflow(workflows.SignalArtmailEvents, []workflows.ActivationEvent{response(2, "c", "m3", true), deactivated(4)})
			done()
		})
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{
			"m1": workflows.ApprovalApproved, "m2": workflows.ApprovalApproved, "m3": workflows.ApprovalApproved,
		}, l.answered())
	})
}

// Continue-as-new waits for the hand-off. A timer that fires in the meantime must not keep the loop busy, which would block the workflow
// task.
func TestAForcedContinueAsNewFollowsAHandOffDuringWhichTheTimerFired(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	release := l.holdFirstHandOff()
	// While a local activity runs, the test environment uses the real clock.
	const soon = 1.0 / 60 / 50 // 20 ms
	l.events(0, activated())
	l.update(1, workflows.UpdateRequestApprovals, requests(request("m1"), requestDue("m2", 2+3*soon)), nil)
	l.events(2, response(2, "yes", "m1", true))
	l.signal(2+soon, workflows.SignalForceContinueAsNew, nil)
	l.see(2+6*soon, func(s workflows.ActivationState) {
		require.Equal(t, workflows.ApprovalExpired, s.Approvals[1].Status, "the timer fired")
		require.Equal(t, 1, l.runs)
		release()
	})
	l.events(3, deactivated(3))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, 2, l.runs)
	require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved, "m2": workflows.ApprovalExpired}, l.answered())
}

// A receiver may have a notice before its hand-off has ended: it must not get another end afterwards.
func TestAnEventDuringAHandOffDoesNotChangeItsNotices(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	release := l.holdFirstHandOff()
	const soon = 1.0 / 60 / 50 // 20 ms
	l.events(0, activated())
	l.update(1, workflows.UpdateRequestApprovals, requests(requestOfRun("m1", "r1")), nil)
	l.events(2, forceFailed(2, "r1"))
	l.events(2+soon, response(1.5, "yes", "m1", true))
	l.see(2+3*soon, func(s workflows.ActivationState) {
		require.Equal(t, workflows.ApprovalVoided, s.Approvals[0].Status)
		require.Equal(t, 1, s.Approvals[0].LateResponses)
		release()
	})
	l.events(3, deactivated(3))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalVoided}, l.answered())
}

func TestAnInputThatNamesNoActivationFails(t *testing.T) {
	t.Parallel()
	for _, start := range []workflows.ActivationStart{
		{Agent: "pages", ActivationID: workflows.TestActivationID},
		{Agent: "pages"},
		{Agent: "no such/agent", ActivationID: "act_1"},
	} {
		l := newLife(t, 0)
		l.start = start
		l.play()
		requireFailure(t, l.err, workflows.ErrTypeInvalidArgument)
	}
}

func TestAnotherWorkflowIDFailsAndNamesTheRightOne(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.workflowID = "my-own-id"
	l.play()
	requireFailure(t, l.err, workflows.ErrTypeWorkflowID)
	require.ErrorContains(t, l.err, "artmail-activation/pages/act_1")
}

func TestALongActivationIDHasAWorkflowIDThatFits(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.start.ActivationID = strings.Repeat("ä", 125)
	l.workflowID = workflows.ArtmailActivationWorkflowID("pages", l.start.ActivationID)
	require.LessOrEqual(t, len(workflows.NotifyWorkflowID(l.workflowID)), workflows.MaxWorkflowIDBytes)
	l.events(0, activated())
	l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
	l.events(2, deactivated(2))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, l.start.ActivationID, l.final.ActivationID)
	require.Equal(t, l.workflowID, l.notices[0].Source)
	require.Equal(t, l.start.ActivationID, l.notices[0].ActivationID)
}

func requireFailure(t *testing.T, err error, errType string) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, errType, failure.Type())
	require.True(t, failure.NonRetryable())
}

func TestOnlyTheFirstRunChecksItsInput(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.workflowID = "an ID of older code"
	l.carriedIn = &lifecycle.State{Version: 1, Status: workflows.ActivationActive, Since: noon}
	l.start.ActivationID = strings.Repeat("x", 1000)
	l.events(1, deactivated(1))
	l.play()
	require.NoError(t, l.err)
	require.Equal(t, workflows.ActivationDeactivated, l.final.Status)
}

func TestAStateOfANewerVersionWaitsForNewerCode(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	l.carriedIn = &lifecycle.State{Version: 2, Status: workflows.ActivationActive, Since: noon}
	l.play()
	require.ErrorContains(t, l.err, "run a newer worker")
	var panicked *temporal.PanicError
	require.ErrorAs(t, l.err, &panicked, "a worker fails the task for this, and not the workflow")
}

func TestAttentionShowsWhenItBecomesUrgent(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		due := func(want any) func(workflows.ActivationState) {
			return func(workflows.ActivationState) { require.Equal(t, want, l.shown()[workflows.SearchAttributeDueAt]) }
		}
		unclear := response(2, "what", "m1", true)
		unclear.Approved = nil
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 40), requestDue("m2", 30)), nil)
		l.see(1.5, due(nil))
		l.events(2, unclear)
		l.see(2.5, func(s workflows.ActivationState) {
			require.Equal(t, []string{workflows.AttentionResponseUnclear}, s.Attention)
			require.Equal(t, workflows.ApprovalOpen, s.Approvals[0].Status)
			due(at(40))(s)
		})
		also := response(3, "what too", "m2", true)
		also.Approved = nil
		l.events(3, also)
		l.see(3.5, due(at(30)))
		l.events(4, response(4, "yes", "m1", true), response(4, "no", "m2", false))
		l.see(4.5, func(s workflows.ActivationState) {
			require.Empty(t, s.Attention)
			due(nil)(s)
		})
		l.events(5, deactivated(5))
		l.play()
		require.NoError(t, l.err)
	})
}

func TestTheDetailsSayWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	l := newLife(t, 0)
	var details string
	l.events(0, activated())
	l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 30)), nil)
	l.see(2, func(s workflows.ActivationState) { details = s.WaitingFor })
	l.events(3, deactivated(3))
	l.play()
	require.Contains(t, details, "The brand has to answer 1 approval")
	require.False(t, strings.Contains(details, "brand@example.com"))
}
