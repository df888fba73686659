package inboxadmin_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestWhatOnlyABodyTellsIsErasedAndWhatOthersSentStays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(folder, "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	ring, err := keyring.LoadOrCreate(filepath.Join(folder, "keys.json"))
	require.NoError(t, err)
	lostKey, err := keyring.LoadOrCreate(filepath.Join(folder, "lost.json"))
	require.NoError(t, err)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	admin := inboxadmin.Admin{Inbox: store, Keys: ring, Who: "ada", Now: func() time.Time { return now }}

	put := func(keys *keyring.Ring, provider, agent, lane string, state inbox.State, body string) string {
		one := inbox.Delivery{ID: inbox.NewID(now), Provider: provider, Scope: agent, Lane: lane, State: state, Kind: "k", ReceivedAt: now}
		plain := []byte(body)
		if state == inbox.StateQuarantined {
			one.Kind, plain = "unverified", hook.Pack([]string{"00"}, "", plain)
		}
		one.Body, err = keys.Seal(plain, hook.BodyContext(provider, lane, one.ID)...)
		require.NoError(t, err)
		_, err = store.Append(t.Context(), []inbox.Delivery{one})
		require.NoError(t, err)
		return one.ID
	}
	event := func(caseID, reference string) string {
		return `{"event_type":"case.completed","data":{"caseId":"` + caseID + `","clientReferenceId":"` + reference + `"}}`
	}
	lane := offload.Lane("vendor_1")
	cases := []string{
		put(ring, offload.Name, "", lane, inbox.StatePending, event("c1", "")),
		put(ring, offload.Name, "", lane, inbox.StateDead, `{`),
		put(ring, offload.Name, "", offload.SharedLane("c1"), inbox.StatePending, event("c1", "")),
		put(ring, offload.Name, "", offload.SharedLane("c2"), inbox.StatePending, event("c2", "vendor_1")),
		put(lostKey, offload.Name, "", offload.SharedLane("c2"), inbox.StatePending, event("c2", "")),
		put(ring, offload.Name, "", "", inbox.StateDead, `{"event_type":7,"about":"vendor_1"}`),
		put(ring, offload.Name, "", "", inbox.StateIgnored, `{"event_type":"case.new","data":{"caseId":"c1"}}`),
	}
	now = now.Add(time.Minute) // it is read before the one that ties c2 to the case
	cases = append(cases, put(ring, offload.Name, "", "", inbox.StateIgnored, event("c2", "")))
	activation := artmail.Lane("w9", "a1")
	activations := []string{
		put(ring, artmail.Name, "w9", activation, inbox.StatePending, `{"type":"agent.paused","activationId":"a1"}`),
		put(ring, artmail.Name, "w9", "", inbox.StateQuarantined, `{"type":"agent.activated","activationId":"a1","apiKey":"k"}`),
		put(ring, artmail.Name, "w9", "", inbox.StateDead, `{"activationId":"a1"}`),
	}
	others := []string{
		put(ring, offload.Name, "", offload.Lane("vendor_10"), inbox.StatePending, event("c10", "vendor_1")),
		put(ring, offload.Name, "", offload.SharedLane("c3"), inbox.StatePending, event("c3", "vendor_10")),
		put(ring, offload.Name, "", "", inbox.StateDead, `{"event_type":7,"about":"vendor_10"}`),
		put(ring, artmail.Name, "w10", "", inbox.StateQuarantined, `{"type":"agent.activated","activationId":"a1"}`),
		put(ring, artmail.Name, "w9", "", inbox.StateQuarantined, `{"type":"agent.activated","activationId":"a2"}`),
	}
	unreadable := put(lostKey, offload.Name, "", "", inbox.StateDead, "c1")

	require.NoError(t, admin.RecordReveal(t.Context(), "API key of "+activation))
	_, err = admin.ReplayAll(t.Context(), inbox.Filter{Lane: lane, States: []inbox.State{inbox.StateLate}})
	require.NoError(t, err)

	done, err := admin.Erase(t.Context(), inboxadmin.EraseRequest{Lane: lane, Provider: offload.Name, Reference: "vendor_1"})
	require.NoError(t, err)
	require.Equal(t, len(cases), done.Deliveries)
	require.Equal(t, 1, done.Unreadable, "those of the case are erased unread")
	done, err = admin.Erase(t.Context(), inboxadmin.EraseRequest{Lane: activation, Provider: artmail.Name, Agent: "w9", IDs: []string{"a1"}})
	require.NoError(t, err)
	require.Equal(t, inboxadmin.Erased{Deliveries: len(activations)}, done)

	erased := func(id string) bool {
		one, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		return one.Reason == "erased" && one.Body == nil && one.Lane == ""
	}
	for _, id := range append(cases, activations...) {
		require.True(t, erased(id), id)
	}
	for _, id := range append(others, unreadable) {
		require.False(t, erased(id), id)
	}
	done, err = admin.Erase(t.Context(), inboxadmin.EraseRequest{Lane: lane, Provider: offload.Name, Reference: "vendor_1", IDs: []string{"c1"}})
	require.NoError(t, err)
	require.Equal(t, inboxadmin.Erased{Unreadable: 1}, done, "it may be repeated")

	require.NoError(t, admin.RecordErase(t.Context(), lane))
	trail, err := store.AuditTrail(t.Context(), "", 9)
	require.NoError(t, err)
	require.Len(t, trail, 3)
	for _, entry := range trail {
		require.NotContains(t, entry.Subject, lane)
		require.NotContains(t, entry.Subject, activation)
		require.Contains(t, entry.Subject, "sha256:")
	}
}
