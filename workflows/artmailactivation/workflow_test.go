package artmailactivation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
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

func TestAnswersReachWhoeverWaitsOnce(t *testing.T) {
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

// A signal and an update that come in one workflow task: the update must not be answered from before the signal.
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

func TestAReceiverThatIsGoneDoesNotKeepTheActivation(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.receiver = func(int, workflows.ReplyTo) error { return &temporal.UnknownExternalWorkflowExecutionError{} }
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.events(2, response(2, "yes", "m1", true))
		l.see(3, func(s workflows.ActivationState) { require.NotEmpty(t, s.Approvals[0].ReplyError) })
		l.events(4, deactivated(4))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, 1, l.attempts[waiter.WorkflowID], "it is not tried again")
		require.Equal(t, workflows.ApprovalApproved, l.final.Approvals[0].Status)
	})
}

func TestAReplyThatFailsIsSentAgain(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.receiver = func(attempt int, _ workflows.ReplyTo) error {
			if attempt <= 3 {
				return errors.New("signal count limit exceeded")
			}
			return nil
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(request("m1")), nil)
		l.events(2, response(2, "yes", "m1", true))
		l.events(3, deactivated(3))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved}, l.answered())
		require.GreaterOrEqual(t, l.now, at(2+1+2+4), "with growing pauses")
	})
}

func TestCancellingTheWorkflowTellsWhoeverWaits(t *testing.T) {
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

func TestSeveralSignalsOfOneTaskAreAllTaken(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestOfRun("m1", "r1"), request("m2"), request("m3")), nil)
		l.at(2, func(env *testsuite.TestWorkflowEnvironment, done func()) {
			// A forced end and an older response, in two signals: Artmail's times decide.
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
		var failure *temporal.ApplicationError
		require.ErrorAs(t, l.err, &failure)
		require.Equal(t, workflows.ErrTypeInvalidArgument, failure.Type())
		require.True(t, failure.NonRetryable())
	}
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
	require.Contains(t, details, "the brand to answer 1 approval")
	require.False(t, strings.Contains(details, "brand@example.com"))
}
