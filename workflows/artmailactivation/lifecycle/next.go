package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Effects are the calls that should run now. A running reconcile that is not named here is dropped.
type Effects struct {
	// Reconcile has one for each approval that is reconciled now.
	Reconcile []Reconcile
	// HandOff is the next hand-off of notices; nil if none is due.
	HandOff *workflows.HandOff
	// WakeUp is when the clock next changes the activation.
	rules.WakeUp
	// Done: the activation has ended and every notice is handed off.
	Done bool
}

// Next returns the calls that should run now. Tick must have applied the time before.
func Next(a Activation, now time.Time) Effects {
	fx := Effects{HandOff: handOff(a, now), Done: a.State.Ended != nil && len(a.State.Outbox.Waiting) == 0}
	fx.WakeAt(a.State.Outbox.NotBefore, now, "Hand off notices again")
	if a.State.Ended == nil {
		fx.WakeAt(a.State.Outbox.RefusedUntil(), now, "A refused notice is old")
		fx.WakeAt(rules.LastsUntil(a.State.KeyConflictAt), now, "Another API key is old")
		fx.WakeAt(rules.LastsUntil(a.State.UnclearAt), now, "A response to no readable request is old")
		fx.WakeAt(rules.LastsUntil(a.State.EarlyDroppedAt), now, "A removed response is old")
	}
	for i := range a.State.Approvals {
		fx.addApproval(&a, &a.State.Approvals[i], now)
	}
	for i := range a.State.Runs {
		if at, ticking := warnAt(&a, &a.State.Runs[i]); ticking {
			fx.WakeAt(at, now, "A run goes stale")
		}
		if until, ticking := staleUntil(&a, &a.State.Runs[i]); ticking {
			fx.WakeAt(until, now, "A run is no longer stale")
		}
	}
	return fx
}

// addApproval adds the reconcile and the due times of an approval. While the activation is paused there are none: the clock stands still, and
// it is not documented whether the key works.
func (fx *Effects) addApproval(a *Activation, approval *Approval, now time.Time) {
	due, ticking := deadlineOf(&a.State, approval)
	if !ticking {
		return
	}
	fx.WakeAt(due, now, "Deadline of an approval")
	fx.WakeAt(approval.GraceUntil, now, "End of the wait for answers from an outage")
	if approval.CheckingSince.IsZero() || a.Start.Options.CheckApprovalQueue == "" {
		return
	}
	until, _ := reconciledUntil(a, approval)
	fx.WakeAt(until, now, "End of a check")
	if !until.After(now) {
		return
	}
	if approval.NextReconcileAt.After(now) {
		fx.WakeAt(approval.NextReconcileAt, now, "Next check")
		return
	}
	silentAt, _ := reconcileSilentAt(&a.State, approval)
	fx.WakeAt(silentAt, now, "A check has no result")
	if len(fx.Reconcile) == maxReconciles {
		return
	}
	params := workflows.CheckApprovalParams{
		Agent: a.Start.Agent, ActivationID: a.Start.ActivationID, MessageID: approval.MessageID, RunID: approval.RunID,
	}
	if a.State.Activated != nil {
		params.SealedAPIKey = a.State.Activated.SealedAPIKey
	}
	fx.Reconcile = append(fx.Reconcile, Reconcile{
		Params: params, Queue: a.Start.Options.CheckApprovalQueue, Until: until,
		Title: "Check approval " + workflows.Clip(approval.MessageID, maxTitle),
	})
}
