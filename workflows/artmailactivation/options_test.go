package artmailactivation_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestNewOptionsReplaceThoseOfTheStart(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		told := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour), WarnBefore: workflows.Duration(10 * time.Minute)}
		l.events(0, activated())
		l.update(1, workflows.UpdateOpenRun, workflows.OpenRun{RunID: "r1"}, nil)
		l.see(2, func(s workflows.ActivationState) {
			require.Equal(t, workflows.ActivationOptions{}.Normalized(), s.Options)
		})
		l.signal(3, workflows.SignalActivationOptions, told)
		l.signal(4, workflows.SignalActivationOptions, told) // two relays have found it
		l.see(20, func(s workflows.ActivationState) {
			require.Equal(t, told.Normalized(), s.Options)
			require.Zero(t, s.Runs[0].WarnedAt)
		})
		l.see(52, func(s workflows.ActivationState) { require.Equal(t, at(51), s.Runs[0].WarnedAt) })
		l.events(60, deactivated(60))
		l.play()

		require.NoError(t, l.err)
		require.Equal(t, []any{told.Normalized(), told.Normalized()}, l.memos, "and it shows them to the relay that told")
		require.Zero(t, l.final.Options, "a result is for ever, its options are not")
	})
}

func TestARunningCheckMovesToANewQueue(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reconciledLife(l)
		l.checks = func(workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
			if l.queues[len(l.queues)-1] == "pages-agent" {
				return workflows.CheckApprovalResult{}, errors.New("no answer yet")
			}
			return workflows.CheckApprovalResult{Approved: &yes}, nil
		}
		l.events(0, activated())
		l.update(1, workflows.UpdateRequestApprovals, requests(requestDue("m1", 10)), nil)
		moved := l.start.Options
		moved.CheckApprovalQueue = "pages-agent-2"
		l.signal(12, workflows.SignalActivationOptions, moved)
		l.see(12.2, func(s workflows.ActivationState) { require.Equal(t, workflows.ApprovalApproved, s.Approvals[0].Status) })
		l.events(30, deactivated(30))
		l.play()
		require.NoError(t, l.err)
		require.Equal(t, []string{"pages-agent", "pages-agent-2"}, slices.Compact(l.queues))
		require.Equal(t, map[string]workflows.ApprovalStatus{"m1": workflows.ApprovalApproved}, l.answered())
	})
}

func TestTheAPIKeyIsResealedAcrossContinueAsNew(t *testing.T) {
	t.Parallel()
	everyLife(t, func(t *testing.T, l *life) {
		reseal := workflows.ResealAPIKey{SealedAPIKey: []byte("resealed"), Replaces: []byte("sealed")}
		l.refused(0, workflows.UpdateResealAPIKey, reseal, workflows.ErrTypeOtherAPIKey)
		l.events(1, activated())
		l.update(2, workflows.UpdateResealAPIKey, reseal, func(result any) {
			require.Equal(t, workflows.APIKeyReceipt{Resealed: true}, result)
		})
		l.events(3, event("agent.renamed", "1", 3))
		l.update(4, workflows.UpdateResealAPIKey, reseal, func(result any) { require.Equal(t, workflows.APIKeyReceipt{}, result) })
		l.refused(5, workflows.UpdateResealAPIKey, workflows.ResealAPIKey{SealedAPIKey: []byte("x"), Replaces: []byte("sealed")}, workflows.ErrTypeOtherAPIKey)
		l.events(6, activated()) // redelivered, under the old seal
		l.see(7, func(s workflows.ActivationState) { require.Equal(t, []byte("resealed"), s.SealedAPIKey) })
		l.events(8, deactivated(8))
		l.play()
		require.NoError(t, l.err)
		require.Empty(t, l.final.SealedAPIKey)
	})
}
