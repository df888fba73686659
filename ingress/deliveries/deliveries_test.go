package deliveries_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func now() time.Time { return t0.Add(24 * time.Hour) }

func openInbox(t *testing.T) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func deliveriesOf(store inbox.Store) deliveries.Deliveries {
	return deliveries.New(func() (inbox.Store, error) { return store, nil }, now)
}

// add stores a delivery that came at an hour, and settles it in the given state.
func add(t *testing.T, store inbox.Store, hour int, end inbox.State, change func(*inbox.Delivery)) (id string) {
	t.Helper()
	d := inbox.Delivery{
		State: inbox.StatePending, Provider: "offload", Kind: workflows.KindCaseCompleted, Lane: "offload-case/a",
		DedupeKey: fmt.Sprint(hour, end), Body: []byte("sealed"), ReceivedAt: t0.Add(time.Duration(hour) * time.Hour),
	}
	if change != nil {
		change(&d)
	}
	if end == inbox.StateDead {
		d.State, d.Reason = inbox.StateDead, "says "+string(end)
	}
	receipts, err := store.Append(t.Context(), []inbox.Delivery{d})
	require.NoError(t, err)
	if d.State == inbox.StatePending && end != inbox.StatePending {
		require.NoError(t, store.Settle(t.Context(), inbox.SettleRequest{
			Now: d.ReceivedAt.Add(time.Minute), Settlements: []inbox.Settlement{inbox.Finish(receipts[0].ID, end, "says "+string(end))},
		}))
	}
	return receipts[0].ID
}

func TestToDoListsDeliveriesThatNeedAPerson(t *testing.T) {
	t.Parallel()
	store := openInbox(t)
	add(t, store, 0, inbox.StateDelivered, nil)
	add(t, store, 1, inbox.StatePending, nil)
	unmatched := add(t, store, 2, inbox.StateUnmatched, nil)
	dead := add(t, store, 3, inbox.StateDead, func(d *inbox.Delivery) { d.Provider, d.Scope, d.Lane, d.Kind = "artmail", "pages", "", "" })
	add(t, store, 4, inbox.StateLate, func(d *inbox.Delivery) { d.Kind = workflows.KindCaseInputNeeded })
	late := add(t, store, 5, inbox.StateLate, func(d *inbox.Delivery) { d.Kind = workflows.KindCaseFailed })
	lateArtmail := add(t, store, 6, inbox.StateUnmatched, func(d *inbox.Delivery) {
		d.Provider, d.Scope, d.Kind, d.Lane = "artmail", "pages", workflows.KindApprovalResponse, "artmail-activation/pages/act"
	})

	items, more, err := deliveriesOf(store).ToDo(t.Context(), 10)
	require.NoError(t, err)
	require.False(t, more)
	var ids []string
	for _, item := range items {
		ids = append(ids, item.DeliveryID)
		require.Contains(t, strings.Join(item.Help, " "), "dismiss it", "a replay may be in vain")
		require.NotZero(t, item.Since)
		require.NotZero(t, item.DueAt)
		require.Contains(t, item.Says, "says ")
	}
	require.Equal(t, []string{lateArtmail, late, dead, unmatched}, ids, "the newest first")
	require.Equal(t, "pages", items[0].Agent)
	require.Equal(t, signalbox.ToDoDeliveryLate, items[1].Kind)
	require.Equal(t, "offload-case/a", items[1].WorkflowID)
	require.Equal(t, []signalbox.Action{signalbox.ActionReplay, signalbox.ActionDismiss}, items[1].Actions)
	require.Equal(t, signalbox.ToDoDeliveryDead, items[2].Kind)
	require.Equal(t, []signalbox.Action{signalbox.ActionReplay, signalbox.ActionDismiss}, items[2].Actions, "a replay reads it again")
	require.Empty(t, items[2].WorkflowID)
	require.Equal(t, signalbox.ToDoDeliveryNoMatch, items[3].Kind)

	items, more, err = deliveriesOf(store).ToDo(t.Context(), 3)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, items, 3)
}

// A reset makes such a workflow go on, and a replay then applies the delivery.
func TestToDoListsEventsOfAnActivationThatWasClosedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	store := openInbox(t)
	var want []string
	for hour, kind := range []string{workflows.KindAgentPaused, workflows.KindApprovalResponse, workflows.KindAgentActivated} {
		for i, reason := range []string{inbox.BeforeEnd, "the workflow is closed"} {
			id := add(t, store, 2*hour+i, inbox.StatePending, func(d *inbox.Delivery) {
				d.Provider, d.Scope, d.Kind, d.Lane = "artmail", "pages", kind, "artmail-activation/pages/act"
			})
			require.NoError(t, store.Settle(t.Context(), inbox.SettleRequest{Now: now(), Settlements: []inbox.Settlement{inbox.Finish(id, inbox.StateLate, reason)}}))
			if hour > 0 && i == 0 {
				want = append([]string{id}, want...)
			}
		}
	}
	items, _, err := deliveriesOf(store).ToDo(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, items, 2)
	for i, item := range items {
		require.Equal(t, want[i], item.DeliveryID)
		require.Contains(t, item.Help[0], "reset")
	}
}

func TestToDoLeavesOutCanariesAndStillFindsAllOthers(t *testing.T) {
	t.Parallel()
	store := openInbox(t)
	older := add(t, store, 0, inbox.StateLate, nil)
	for hour := range 7 {
		add(t, store, 1+hour, inbox.StateLate, func(d *inbox.Delivery) {
			d.Lane = workflows.OffloadCaseWorkflowID(workflows.CanaryReference(fmt.Sprint(hour)))
		})
	}
	newer := add(t, store, 9, inbox.StateLate, nil)
	items, more, err := deliveriesOf(store).ToDo(t.Context(), 2)
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, items, 2)
	require.Equal(t, newer, items[0].DeliveryID)
	require.Equal(t, older, items[1].DeliveryID)
}

func TestReplayReplaysUnmatchedAndLateDeliveriesAndRecordsIt(t *testing.T) {
	t.Parallel()
	store := openInbox(t)
	before := add(t, store, 0, inbox.StateUnmatched, nil)
	unmatched := add(t, store, 2, inbox.StateUnmatched, nil)
	late := add(t, store, 3, inbox.StateLate, nil)
	dead := add(t, store, 4, inbox.StateDead, nil)
	replay := signalbox.ReplayDeliveries{Since: t0.Add(time.Hour), By: "ada", DryRun: true}
	all := deliveriesOf(store)
	state := func(id string) inbox.State {
		d, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		return d.State
	}

	want := signalbox.ReplayedDeliveries{Unmatched: 1, Late: 1}
	done, err := all.Replay(t.Context(), replay)
	require.NoError(t, err)
	require.Equal(t, want, done)
	require.Equal(t, inbox.StateUnmatched, state(unmatched), "a dry run changes nothing")
	trail, err := store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, trail)

	replay.DryRun = false
	done, err = all.Replay(t.Context(), replay)
	require.NoError(t, err)
	require.Equal(t, want, done)
	for _, id := range []string{unmatched, late} {
		require.Equal(t, inbox.StatePending, state(id))
	}
	require.Equal(t, inbox.StateUnmatched, state(before))
	require.Equal(t, inbox.StateDead, state(dead))
	trail, err = store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, trail, 1)
	require.Equal(t, "ada", trail[0].Who)
	require.Equal(t, "replay", trail[0].Action)
	require.Equal(t, "2 deliveries: state=unmatched,late since=2026-03-21T13:00:00Z", trail[0].Subject)

	done, err = all.Replay(t.Context(), replay)
	require.NoError(t, err)
	require.Zero(t, done, "a second replay finds nothing")
}

// noAudit is an inbox that can't write audit records.
type noAudit struct{ *sqlite.Store }

func (noAudit) Audit(context.Context, inbox.AuditEntry) error { return errors.New("disk full") }

func TestReplayFailsIfItCannotBeRecorded(t *testing.T) {
	t.Parallel()
	store := openInbox(t)
	id := add(t, store, 2, inbox.StateUnmatched, nil)
	_, err := deliveriesOf(noAudit{store}).Replay(t.Context(), signalbox.ReplayDeliveries{Since: t0})
	require.ErrorContains(t, err, "disk full")
	d, err := store.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, inbox.StateUnmatched, d.State)
}
