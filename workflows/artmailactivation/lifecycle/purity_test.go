package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// No rule changes its argument, and no later rule changes it through the result.
func TestRulesNeverChangeTheirArgument(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 4))
		options := workflows.ActivationOptions{CheckApprovalQueue: []string{"", "pages-agent"}[r.IntN(2)]}
		a := lifecycle.Begin(start(options), noon)
		var before []lifecycle.Activation
		var written []string
		for i := range 120 {
			before, written = append(before, a), append(written, string(mustJSON(t, a)))
			next := anyRule(r, a, i)
			// A second rule on the same argument finds shared memory.
			anyRule(r, a, i)
			a = next
		}
		for i := range before {
			require.Equal(t, written[i], string(mustJSON(t, before[i])), "seed %d, step %d", seed, i)
		}
	}
}

func anyRule(r *rand.Rand, a lifecycle.Activation, minute int) lifecycle.Activation {
	now := at(float64(minute))
	message, runID := fmt.Sprint("m", r.IntN(8)), fmt.Sprint("r", r.IntN(3))
	lifecycle.View(a)
	lifecycle.Details(a)
	effects := lifecycle.Next(a, now)
	switch r.IntN(14) {
	case 0, 1, 2, 3:
		when := float64(minute) - float64(r.IntN(10))
		events := []workflows.ActivationEvent{
			activated(when, "key"), activated(when, "other"), paused(when, "user_paused"), resumed(when),
			response(when, fmt.Sprint("x", r.IntN(20)), message, r.IntN(2) == 0), response(when, fmt.Sprint("x", r.IntN(20)), message, true),
			forceFailed(when, runID),
			{EventMeta: workflows.EventMeta{Kind: workflows.KindApprovalResponse}, InResponseToID: message},
		}
		if minute > 100 {
			events = append(events, deactivated(when))
		}
		from := r.IntN(len(events))
		a, _ = lifecycle.Receive(a, events[from:from+r.IntN(len(events)-from)], now)
	case 4, 5:
		request := requestDue(message, float64(minute)+float64(r.IntN(30)))
		request.RunID = runID
		if lifecycle.CheckRequestApprovals(a, []workflows.ApprovalRequest{request}) == nil {
			a, _ = lifecycle.RequestApprovals(a, []workflows.ApprovalRequest{request}, now)
		}
	case 6:
		if c := (workflows.CancelApproval{MessageID: message, By: "ada"}); lifecycle.CheckCancelApproval(a, c) == nil {
			a, _ = lifecycle.CancelApproval(a, c, now)
		}
	case 7:
		if o := (workflows.OpenRun{RunID: runID, ReplyTo: waiter}); lifecycle.CheckOpenRun(a, o) == nil {
			a, _ = lifecycle.OpenRun(a, o, now)
		}
	case 8:
		if c := (workflows.CloseRun{RunID: runID}); lifecycle.CheckCloseRun(a, c) == nil {
			a, _ = lifecycle.CloseRun(a, c, now)
		}
		a = lifecycle.TouchRuns(a, workflows.TouchRuns{RunIDs: []string{"r0", "r1", "r2"}}, now)
	case 9:
		a, _ = lifecycle.Tick(a, now)
	case 10:
		a, _ = lifecycle.Reconciled(a, message, workflows.CheckApprovalResult{Approved: []*bool{nil, ptr(true)}[r.IntN(2)]}, now)
	case 11:
		if effects.HandOff != nil {
			a = lifecycle.HandOffStarted(a, *effects.HandOff)
			if r.IntN(3) == 0 {
				a = lifecycle.HandOffFailed(a, *effects.HandOff, rules.Failure{}, now)
			} else {
				a = lifecycle.HandOffSucceeded(a, *effects.HandOff, withoutConfig(*effects.HandOff))
			}
		}
	case 12:
		reseal := workflows.ResealAPIKey{SealedAPIKey: []byte("resealed key"), Replaces: []byte("sealed key")}
		if lifecycle.CheckResealAPIKey(a, reseal) == nil {
			a, _ = lifecycle.ResealAPIKey(a, reseal)
		}
		a, _ = lifecycle.ReconcileFailed(a, message, rules.Failure{Message: "gone", Final: r.IntN(2) == 0}, now)
	case 13:
		a = lifecycle.Configure(a, workflows.ActivationOptions{StaleAfter: minutes(5 + r.IntN(20)), CheckApprovalQueue: "pages-agent"})
		if minute > 110 {
			a = lifecycle.Cancel(a, now)
		}
	}
	return a
}
