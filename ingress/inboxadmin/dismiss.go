package inboxadmin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Dismissed counts the deliveries that are dismissed now, also those that were before.
type Dismissed struct {
	Dismissed int `json:"dismissed"`
}

// ErrNotDismissible says that a delivery can't be dismissed in its present state.
var ErrNotDismissible = errors.New("can't be dismissed")

func notDismissible(state inbox.State) error {
	fixes := map[inbox.State]string{
		inbox.StatePending:     "it has yet to be handed out: wait until it has ended, then look at it again",
		inbox.StateQuarantined: "correct the agent's webhook secret and release it; if a stranger sent it, do nothing",
	}
	return fmt.Errorf("the delivery is %s and %w: %s", state, ErrNotDismissible, cmp.Or(fixes[state], "no person is needed for it"))
}

// dismissal stands between the state that a delivery had and who dismissed it.
const dismissal = inbox.BeforeAct + "dismissal by "

// Dismissible says whether a person may dismiss deliveries in a state. What is quarantined stays: it may be a true event, and the provider's
// repetitions of it would count on the dismissed one.
func Dismissible(state inbox.State) bool {
	return state == inbox.StateUnmatched || state == inbox.StateLate || state == inbox.StateDead
}

// DismissedFrom returns the state that a dismissed delivery had before; empty if it is not dismissed.
func DismissedFrom(one inbox.Delivery) inbox.State {
	before, _, found := strings.Cut(one.Reason, dismissal)
	if !found || one.State != inbox.StateIgnored {
		return ""
	}
	return inbox.State(before[strings.LastIndex(before, " ")+1:])
}

// Dismiss records that a delivery needs no person, and makes it ignored. Signalbox does not replay it by itself any more; a person can
// replay it while it has its body. It fails with ErrNotDismissible for a delivery that is pending, delivered, quarantined, or ignored for another
// reason.
func (a Admin) Dismiss(ctx context.Context, id string) (Dismissed, error) {
	one, err := a.Inbox.Get(ctx, id)
	if err != nil {
		return Dismissed{}, err
	}
	if DismissedFrom(one) != "" {
		return Dismissed{Dismissed: 1}, nil
	}
	if !Dismissible(one.State) {
		return Dismissed{}, notDismissible(one.State)
	}
	if err := a.record(ctx, actDismiss, id); err != nil {
		return Dismissed{}, err
	}
	if err := a.Inbox.Settle(ctx, inbox.SettleRequest{
		Now: a.Now(), Settlements: []inbox.Settlement{inbox.Finish(id, inbox.StateIgnored, dismissedBy(a.Who, one))},
	}); err != nil {
		return Dismissed{}, err
	}
	if one, err = a.Inbox.Get(ctx, id); err != nil { // purged meanwhile
		return Dismissed{}, err
	}
	if one.State != inbox.StateIgnored { // replayed meanwhile
		return Dismissed{}, notDismissible(one.State)
	}
	return Dismissed{Dismissed: 1}, nil
}

// dismissedBy is the reason of a dismissed delivery: the state that it had, who dismissed it, and the reason that it had. What the relay kept of an
// end before a replay stays in front, where the relay finds it.
func dismissedBy(who string, one inbox.Delivery) string {
	kept, reason := "", one.Reason
	for _, end := range []inbox.State{inbox.StateLate, inbox.StateDelivered} {
		if before := string(end) + inbox.BeforeReplay + ": "; strings.HasPrefix(reason, before) {
			kept, reason = before, strings.TrimPrefix(reason, before)
		}
	}
	return strings.TrimSuffix(kept+string(one.State)+dismissal+who+": "+reason, ": ")
}
