package inboxadmin_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

var arrived = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func now() time.Time { return arrived.Add(time.Hour) }

func newAdmin(t *testing.T) inboxadmin.Admin {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	ring, err := keyring.Generate()
	require.NoError(t, err)
	return inboxadmin.Admin{Inbox: store, Keys: ring, Who: "ada", Now: now}
}

// keep stores a delivery with a sealed body, and brings it into a state.
func keep(t *testing.T, a inboxadmin.Admin, d inbox.Delivery, state inbox.State, reason, body string) string {
	t.Helper()
	d.ID, d.ReceivedAt, d.State = inbox.NewID(arrived), arrived, inbox.StatePending
	if d.Lane == "" || state == inbox.StateIgnored || state == inbox.StateQuarantined {
		d.State, d.Reason = state, reason
	}
	var err error
	d.Body, err = a.Keys.Seal([]byte(body), hook.BodyContext(d.Provider, d.Lane, d.ID)...)
	require.NoError(t, err)
	_, err = a.Inbox.Append(t.Context(), []inbox.Delivery{d})
	require.NoError(t, err)
	if d.State != state {
		require.NoError(t, a.Inbox.Settle(t.Context(), inbox.SettleRequest{
			Now: arrived, Settlements: []inbox.Settlement{inbox.Finish(d.ID, state, reason)},
		}))
	}
	return d.ID
}

func get(t *testing.T, a inboxadmin.Admin, id string) inbox.Delivery {
	t.Helper()
	one, err := a.Inbox.Get(t.Context(), id)
	require.NoError(t, err)
	return one
}

func acts(t *testing.T, a inboxadmin.Admin) (acts []string) {
	t.Helper()
	trail, err := a.Inbox.AuditTrail(t.Context(), "", inbox.MaxPage)
	require.NoError(t, err)
	for _, entry := range trail {
		acts = append(acts, entry.Who+" "+entry.Action+" "+entry.Subject)
	}
	return acts
}

func TestADismissedDeliveryIsIgnoredAndSaysWhatItWas(t *testing.T) {
	t.Parallel()
	one := inbox.Delivery{Provider: "offload", Lane: "offload-case/a"}
	for was, want := range map[inbox.Settlement]string{
		{State: inbox.StateUnmatched, Reason: "no such workflow"}:                     "unmatched before its dismissal by ada: no such workflow",
		{State: inbox.StateLate, Reason: "the workflow is closed"}:                    "late before its dismissal by ada: the workflow is closed",
		{State: inbox.StateDead, Reason: "unreadable"}:                                "dead before its dismissal by ada: unreadable",
		{State: inbox.StateDead, Reason: "late before its replay: refused"}:           "late before its replay: dead before its dismissal by ada: refused",
		{State: inbox.StateUnmatched, Reason: "delivered before its replay: no case"}: "delivered before its replay: unmatched before its dismissal by ada: no case",
	} {
		a := newAdmin(t)
		id := keep(t, a, one, was.State, was.Reason, `{}`)
		require.Empty(t, inboxadmin.DismissedFrom(get(t, a, id)))
		for range 2 { // the second changes nothing
			done, err := a.Dismiss(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, inboxadmin.Dismissed{Dismissed: 1}, done)
			dismissed := get(t, a, id)
			require.Equal(t, inbox.StateIgnored, dismissed.State)
			require.Equal(t, want, dismissed.Reason)
			require.Equal(t, now(), dismissed.SettledAt)
			require.Equal(t, was.State, inboxadmin.DismissedFrom(dismissed))
			require.Equal(t, []string{"ada dismiss " + id}, acts(t, a))
		}
		done, err := a.Replay(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, inboxadmin.Replayed{Replayed: 1}, done)
		require.Equal(t, inbox.StatePending, get(t, a, id).State)
	}
}

func TestWhatNeedsNoPersonIsNotDismissed(t *testing.T) {
	t.Parallel()
	a := newAdmin(t)
	one := inbox.Delivery{Provider: "offload", Lane: "offload-case/a"}
	for state, says := range map[inbox.State]string{
		inbox.StatePending: "is pending and can't be dismissed: it has yet to be handed out", inbox.StateDelivered: "is delivered and can't be dismissed",
		inbox.StateIgnored:     "is ignored and can't be dismissed: no person is needed for it",
		inbox.StateQuarantined: "is quarantined and can't be dismissed: correct the agent's webhook secret and release it",
	} {
		id := keep(t, a, one, state, "because", `{}`)
		before := get(t, a, id)
		_, err := a.Dismiss(t.Context(), id)
		require.ErrorContains(t, err, says)
		require.ErrorIs(t, err, inboxadmin.ErrNotDismissible)
		require.Equal(t, before, get(t, a, id))
	}
	_, err := a.Dismiss(t.Context(), inbox.NewID(arrived))
	require.ErrorIs(t, err, inbox.ErrNotFound)
	require.Empty(t, acts(t, a))
}

// meanwhile does something between the record of an act and the act.
type meanwhile struct {
	inbox.Store
	do func() error
}

func (m meanwhile) Audit(context.Context, inbox.AuditEntry) error { return m.do() }

func TestADismissalLosesNoReplayAndNeedsARecord(t *testing.T) {
	t.Parallel()
	a := newAdmin(t)
	id := keep(t, a, inbox.Delivery{Provider: "offload", Lane: "offload-case/a"}, inbox.StateDead, "unreadable", `{}`)
	store := a.Inbox
	full := errors.New("disk full")
	a.Inbox = meanwhile{store, func() error { return full }}
	_, err := a.Dismiss(t.Context(), id)
	require.ErrorIs(t, err, full)
	require.Equal(t, inbox.StateDead, get(t, a, id).State)

	a.Inbox = meanwhile{store, func() error { return store.Replay(t.Context(), id, now()) }}
	_, err = a.Dismiss(t.Context(), id)
	require.ErrorContains(t, err, "is pending and can't be dismissed")
	require.Equal(t, inbox.StatePending, get(t, a, id).State)
}

func TestADismissedDeliveryWithoutALaneIsReadAgain(t *testing.T) {
	t.Parallel()
	a := newAdmin(t)
	const paused = `{"type":"agent.paused","activationId":"a1","timestamp":1774131900000}`
	of := inbox.Delivery{Provider: artmail.Name, Scope: "w9"}
	dead := keep(t, a, of, inbox.StateDead, "no activationId", paused)
	_, err := a.Dismiss(t.Context(), dead)
	require.NoError(t, err)
	_, err = a.Replay(t.Context(), dead)
	require.NoError(t, err)
	page, err := a.Inbox.List(t.Context(), inbox.Filter{Lane: artmail.Lane("w9", "a1")})
	require.NoError(t, err)
	require.Len(t, page.Deliveries, 1)
	require.Equal(t, inbox.StatePending, page.Deliveries[0].State)
	require.Equal(t, "replayed as "+page.Deliveries[0].ID, get(t, a, dead).Reason)
	_, err = a.Dismiss(t.Context(), dead)
	require.ErrorContains(t, err, "is ignored and can't be dismissed")
}
