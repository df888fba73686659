package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Effects are the calls that should run now. A running check that is not named here is dropped.
type Effects struct {
	Checks []Check
	// HandOff is the next hand-off of notices; nil if none is due.
	HandOff *workflows.HandOff
	// Wake is when the clock next changes the activation; zero means never. WakeFor says what changes.
	Wake    time.Time
	WakeFor string
	// Done: the activation has ended and every notice is handed off.
	Done bool
}

// Next returns the calls that should run now. Tick must have applied the time before.
func Next(a Activation, now time.Time) Effects {
	fx := Effects{HandOff: handOff(a, now), Done: a.State.Ended != nil && len(a.State.Outbox.Waiting) == 0}
	fx.wakeAt(a.State.Outbox.NotBefore, now, "Hand off notices again")
	if a.State.Ended == nil {
		fx.wakeAt(a.State.Outbox.RefusedUntil(), now, "A refused notice is old")
		fx.wakeAt(rules.LastsUntil(a.State.KeyConflictAt), now, "Another API key is old")
	}
	for i := range a.State.Approvals {
		fx.addApproval(&a, &a.State.Approvals[i], now)
	}
	for i := range a.State.Runs {
		if at, ticking := warnAt(&a, &a.State.Runs[i]); ticking {
			fx.wakeAt(at, now, "A run goes stale")
		}
		if until, ticking := staleUntil(&a, &a.State.Runs[i]); ticking {
			fx.wakeAt(until, now, "A run is no longer stale")
		}
	}
	return fx
}

func (fx *Effects) wakeAt(at, now time.Time, why string) {
	if at.After(now) && (fx.Wake.IsZero() || at.Before(fx.Wake)) {
		fx.Wake, fx.WakeFor = at, why
	}
}
