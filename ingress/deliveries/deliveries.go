// Package deliveries gives the Go client access to the inbox: it lists the deliveries that need a person, and replays those that did not
// reach their workflow. It never opens a body.
package deliveries

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Deliveries is a signalbox.Deliveries over an inbox. It is safe for concurrent use.
type Deliveries struct {
	inbox func() (inbox.Store, error)
	now   func() time.Time
}

var _ signalbox.Deliveries = Deliveries{}

// New returns Deliveries over the inbox that the function returns, or its error while the inbox is not open. The caller closes the inbox.
func New(store func() (inbox.Store, error), now func() time.Time) Deliveries {
	return Deliveries{inbox: store, now: now}
}

// toDo matches the deliveries that may need a person. Of the late ones the ends of cases do (a late question has no effect), and the API keys and
// answers of activations that were terminated, failed or timed out: see needsNoPerson.
var toDo = []inbox.Filter{
	{States: []inbox.State{inbox.StateUnmatched, inbox.StateDead}},
	{States: []inbox.State{inbox.StateLate}, Kind: workflows.KindCaseCompleted},
	{States: []inbox.State{inbox.StateLate}, Kind: workflows.KindCaseFailed},
	{States: []inbox.State{inbox.StateLate}, Kind: workflows.KindAgentActivated},
	{States: []inbox.State{inbox.StateLate}, Kind: workflows.KindApprovalResponse},
}

// ToDo implements signalbox.Deliveries. It leaves out canaries.
func (d Deliveries) ToDo(ctx context.Context, limit int) (items []signalbox.ToDoItem, more bool, err error) {
	store, err := d.inbox()
	if err != nil {
		return nil, false, err
	}
	var found []inbox.Delivery
	for _, filter := range toDo {
		filter.Limit = min(limit, inbox.MaxPage)
		for enough := len(found) + filter.Limit; ; {
			page, err := store.List(ctx, filter)
			if err != nil {
				return nil, false, fmt.Errorf("list deliveries: %w", err)
			}
			found = append(found, slices.DeleteFunc(page.Deliveries, needsNoPerson)...)
			if filter.Cursor = page.Next; filter.Cursor == "" {
				break
			}
			if len(found) >= enough {
				more = true
				break
			}
		}
	}
	slices.SortFunc(found, func(a, b inbox.Delivery) int { return strings.Compare(b.ID, a.ID) })
	if len(found) > limit {
		found, more = found[:limit], true
	}
	for _, delivery := range found {
		items = append(items, item(delivery))
	}
	return items, more, nil
}

// needsNoPerson reports whether a delivery is of a canary, or came after Artmail had ended its activation.
func needsNoPerson(d inbox.Delivery) bool {
	ofActivation := d.Kind == workflows.KindAgentActivated || d.Kind == workflows.KindApprovalResponse
	if ofActivation && d.State == inbox.StateLate && d.Reason != inbox.BeforeEnd {
		return true
	}
	reference, ok := workflows.ParseOffloadCaseWorkflowID(d.Lane)
	return ok && workflows.IsCanaryReference(reference)
}

func item(d inbox.Delivery) signalbox.ToDoItem {
	i := signalbox.ToDoItem{
		DeliveryID: d.ID, WorkflowID: d.Lane, Agent: d.Scope,
		Since: d.SettledAt, DueAt: d.SettledAt,
		Actions: []signalbox.Action{signalbox.ActionReplay, signalbox.ActionDismiss},
		Says:    strings.TrimSpace(fmt.Sprintf("%s of %s: %s", cmp.Or(d.Kind, "a delivery"), d.Provider, d.Reason)),
	}
	switch d.State {
	case inbox.StateUnmatched:
		i.Kind = signalbox.ToDoDeliveryNoMatch
		i.Help = []string{"Start or adopt the case of this delivery: Signalbox then replays it. If there is no such case, dismiss it."}
	case inbox.StateLate:
		i.Kind = signalbox.ToDoDeliveryLate
		i.Help = []string{"Compare this delivery with the outcome of the case, which may have ended here without it. Then dismiss it."}
		if d.Reason == inbox.BeforeEnd {
			i.Help = []string{"If the workflow must go on, reset it in Temporal's Web UI to its last workflow task, and replay this delivery. Otherwise dismiss it."}
		}
	case inbox.StateDead, inbox.StatePending, inbox.StateDelivered, inbox.StateIgnored, inbox.StateQuarantined:
		i.Kind = signalbox.ToDoDeliveryDead
		i.Help = []string{
			"Read what the provider sent, and replay the delivery with a version of Signalbox that can read it.",
			"If the provider did not send it, or it is of no use, dismiss it.",
		}
	}
	return i
}

// Replay implements signalbox.Deliveries. It records who asked before it replays the first one.
func (d Deliveries) Replay(ctx context.Context, wanted signalbox.ReplayDeliveries) (signalbox.ReplayedDeliveries, error) {
	store, err := d.inbox()
	if err != nil {
		return signalbox.ReplayedDeliveries{}, err
	}
	admin := inboxadmin.Admin{Inbox: store, Who: wanted.By, Now: d.now}
	filter := inbox.Filter{States: []inbox.State{inbox.StateUnmatched, inbox.StateLate}, Since: wanted.Since.UTC()}
	found, err := admin.Matching(ctx, filter)
	if err != nil || len(found) == 0 {
		return signalbox.ReplayedDeliveries{}, err
	}
	if wanted.DryRun {
		return count(found), nil
	}
	replayed, err := admin.ReplayMany(ctx, filter, found)
	done := count(replayed)
	if err == nil {
		done.Skipped = len(found) - len(replayed)
	}
	return done, err
}

func count(deliveries []inbox.Delivery) signalbox.ReplayedDeliveries {
	var counts signalbox.ReplayedDeliveries
	for _, delivery := range deliveries {
		if delivery.State == inbox.StateLate {
			counts.Late++
		} else {
			counts.Unmatched++
		}
	}
	return counts
}
