package artmailactivation_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
)

// reconciledLife is a scenario with checks for 4 minutes. The test environment makes at most ten attempts of an activity, the last at 4:41.
func reconciledLife(l *life) {
	l.start.Options.CheckApprovalQueue = "pages-agent"
	l.start.Options.CheckFor = workflows.Duration(4 * time.Minute)
}

func TestADeadlineIsFollowedByReconcilingUntilArtmailAnswers(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(p workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			require.Equal(t, []byte("sealed"), p.SealedAPIKey)
			require.Equal(t, "m1", p.MessageID)
			if l.checked < 4 {
				return workflows.CheckApprovalResult{}, errors.New("no answer yet")
			}
			return workflows.CheckApprovalResult{Approved: &yes, MessageID: "yes"}, nil
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		l.see(9, func(workflows.ActivationState) { require.Zero(t, l.checked) })
		// During the check the run may end several times.
		for i := range 4 {
			l.events(10.05+float64(i)/100, event("agent.renamed", fmt.Sprint(i), 10))
		}
		l.events(19, response(9, "yes", "m1", true)) // the webhook of the same answer
		l.events(30, deactivated(30))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved}, l.answered())
		require.Equal(t, workflows.NewsByPoll, l.final.Approvals[0].Source)
		require.Zero(t, l.final.Approvals[0].LateResponses)
	})
}

func TestAReconcileWithoutAnAnswerEndsAsExpired(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			return workflows.CheckApprovalResult{}, errors.New("no answer yet")
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		for i := range 10 {
			l.events(10.2+float64(i)/3, event("agent.renamed", fmt.Sprint(i), 10))
		}
		l.see(12.9, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalOpen, s.Approvals[0].Status) })
		l.see(14.1, func(s workflows.ActivationState) {
			require.Equal(t, workflows.ApprovalExpired, s.Approvals[0].Status)
			require.WithinDuration(t, at(14), s.Approvals[0].ClosedAt, time.Minute, "the server begins no attempt that can't end in time")
		})
		l.events(30, deactivated(30))
		l.play()

		require.NoError(t, l.err)
		require.Greater(t, l.checked, 3, "it is retried")
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalExpired}, l.answered())
	})
}

func TestAnAnswerOfAReconcileComesBeforeWhatComesInTheSameTask(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(l *life){
		"an update": func(l *life) {
			l.refused(11, workflows.UpdateCancelApproval, workflows.CancelApproval{MessageID: "m1"}, workflows.ErrTypeApprovalClosed)
			l.events(30, deactivated(30))
		},
		"a cancellation in Temporal": func(l *life) { l.cancel(11) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, 0)
			reconciledLife(l)
			l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
				return workflows.CheckApprovalResult{Approved: &yes, MessageID: "yes"}, nil
			}
			l.events(0, activated())
			l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
			l.at(9, func(_ *testsuite.TestWorkflowEnvironment, done func()) {
				l.hold.Begin()
				done()
			})
			l.at(11, func(env *testsuite.TestWorkflowEnvironment, done func()) {
				l.hold.End(env)
				done()
			})
			end(l)
			l.play()

			require.Equal(t, 1, l.checked)
			require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved}, l.answered())
		})
	}
}

func TestAReconcileWithAFinalErrorExpiresTheApprovalAtOnce(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			return workflows.CheckApprovalResult{}, temporal.NewNonRetryableApplicationError("the message was deleted", "Gone", nil)
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		l.see(10.5, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalExpired, s.Approvals[0].Status) })
		l.events(30, deactivated(30))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, 1, l.checked)
	})
}

func TestAReconcileThatAsksToBeRepeatedTooLateIsRepeatedEarlier(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			if l.checked == 2 {
				return workflows.CheckApprovalResult{Approved: &yes}, nil
			}
			return workflows.CheckApprovalResult{}, temporal.NewApplicationErrorWithOptions("Artmail is away", "Away", temporal.ApplicationErrorOptions{
				NextRetryDelay: time.Hour,
			})
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		l.events(30, deactivated(30))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved}, l.answered())
	})
}

func TestAWebhookAnswersBeforeTheReconcile(t *testing.T) {
	t.Parallel()
	for name, news := range map[string]struct {
		event workflows.ActivationEvent
		want  workflows.ApprovalStatus
	}{
		"a response":     {response(12, "no", "m1", false), workflows.ApprovalRejected},
		"a forced end":   {forceFailed(12, "r1"), workflows.ApprovalVoided},
		"a deactivation": {deactivated(12), workflows.ApprovalVoided},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyLife(t, func(t *testing.T, l *life) {
				reconciledLife(l)
				l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
					return workflows.CheckApprovalResult{}, errors.New("no answer yet")
				}
				l.events(0, activated())
				r := requestDue("m1", 10)
				r.RunID = "r1"
				l.update(1, workflows.UpdateRequestApprovals, requests(r), nil)
				l.events(12, news.event)
				if news.event.Kind != workflows.KindAgentDeactivated {
					l.events(40, deactivated(40))
				}
				l.play()
				require.NoError(t, l.err)
				require.Equal(t, map[string]workflows.ApprovalStatus{"m1": news.want}, l.answered())
				require.Less(t, l.checked, 12, "it is not asked about any more")
			})
		})
	}
}

func TestAReconcileIsPausedWithTheActivation(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		whilePaused := 0
		l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			if now := l.env.Now(); now.After(at(12.1)) && now.Before(at(60)) {
				whilePaused++
			}
			return workflows.CheckApprovalResult{}, errors.New("no answer yet")
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		l.events(12, paused(12))
		l.events(60, resumed(60))
		l.see(61, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalOpen, s.Approvals[0].Status) })
		l.see(62.1, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalExpired, s.Approvals[0].Status) })
		l.events(80, deactivated(80))
		l.play()
		require.NoError(t, l.err)
		require.Zero(t, whilePaused)
	})
}

// Hundreds of approvals and runs in one activation, answered, expired, checked and voided.
func TestHundredsOfApprovalsAndRunsAtOnce(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(p workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			var n int
			if _, err := fmt.Sscanf(p.MessageID, "m%d", &n); err != nil || n%2 == 0 {
				return workflows.CheckApprovalResult{}, errors.New("no answer yet")
			}
			return workflows.CheckApprovalResult{Approved: &yes}, nil
		}
		want := map[string]workflows.ApprovalStatus{}
		l.events(0, activated())
		for run := range 50 {
			l.update(0.5+float64(run)/1000, workflows.UpdateOpenRun, workflows.OpenRun{RunID: fmt.Sprint("r", run), ReplyTo: waiter}, nil)
		}
		for part := range 6 {
			var list []workflows.ApprovalRequest
			for i := range 50 {
				r := requestDue(fmt.Sprint("m", part*50+i), 10)
				r.RunID = fmt.Sprint("r", i)
				list = append(list, r)
			}
			l.update(1+float64(part)/10, workflows.UpdateRequestApprovals, list, nil)
		}
		var answers []workflows.ActivationEvent
		for i := range 300 {
			id := fmt.Sprint("m", i)
			switch {
			case i%3 == 0:
				answers = append(answers, response(3, fmt.Sprint("a", i), id, i%2 == 0))
				want[id] = workflows.ApprovalRejected
				if i%2 == 0 {
					want[id] = workflows.ApprovalApproved
				}
			case i%50 < 10:
				want[id] = workflows.ApprovalVoided
			case i%2 == 1:
				want[id] = workflows.ApprovalApproved
			default:
				want[id] = workflows.ApprovalExpired
			}
		}
		for i := 0; i < len(answers); i += 10 {
			l.events(3+float64(i)/100, answers[i:min(i+10, len(answers))]...)
		}
		for run := range 10 {
			l.events(5+float64(run)/100, forceFailed(5, fmt.Sprint("r", run)))
		}
		l.events(30, deactivated(30))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, want, l.answered())
		require.Less(t, l.carried, 512<<10)
		require.Len(t, l.noticed(), 10+40+40, "each run is warned about or force-failed, and in the end voided")
	})
}

func TestAReconcileWithoutAnAnswerIsRepeatedAndIsNoRejection(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answerAt int // the number of the check that finds an answer; 0: none
		want     workflows.ApprovalStatus
		checks   int
	}{
		"until it finds an answer": {2, workflows.ApprovalApproved, 2},
		"until the time is up":     {0, workflows.ApprovalExpired, 3}, // after 0, 1 and 3 minutes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyLife(t, func(t *testing.T, l *life) {
				reconciledLife(l)
				l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
					if l.checked == tc.answerAt {
						return workflows.CheckApprovalResult{Approved: &yes}, nil
					}
					return workflows.CheckApprovalResult{}, nil
				}
				l.events(0, activated())
				l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
				l.see(10.5, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalOpen, s.Approvals[0].Status) })
				l.events(30, deactivated(30))
				l.play()
				require.NoError(t, l.err)
				require.Equal(t, tc.checks, l.checked)
				require.Equal(t, map[string]workflows.ApprovalStatus{"m1": tc.want}, l.answered())
			})
		})
	}
}
