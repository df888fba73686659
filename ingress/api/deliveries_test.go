package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// storeDelivery stores a dead delivery with a sealed body.
func storeDelivery(t testing.TB, w *world, d inbox.Delivery, body string) string {
	t.Helper()
	d.ID, d.ReceivedAt, d.State = inbox.NewID(clock), clock, inbox.StateDead
	var err error
	d.Body, err = w.keys.Seal([]byte(body), hook.BodyContext(d.Provider, d.Lane, d.ID)...)
	require.NoError(t, err)
	receipts, err := w.store.Append(t.Context(), []inbox.Delivery{d})
	require.NoError(t, err)
	return receipts[0].ID
}

func TestABodyIsRevealedOnlyAfterTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	id := storeDelivery(t, w, inbox.Delivery{Provider: "offload", Lane: "offload-case/x", Kind: "case.completed"}, `{"event":"case.completed","secretWord":"tulip"}`)
	shown := w.get(t, adminSecret, "/v1/deliveries/"+id)
	require.Equal(t, 200, shown.status, shown.body)
	require.NotContains(t, shown.body, "tulip")
	revealed := w.post(t, adminSecret, "/v1/deliveries/"+id+"/reveal", "")
	require.Contains(t, revealed.body, "tulip")
	require.Equal(t, "no-store", revealed.header.Get("Cache-Control"))
	var audit struct{ Entries []inbox.AuditEntry }
	w.get(t, adminSecret, "/v1/audit").into(t, &audit)
	require.Len(t, audit.Entries, 1)
	require.Equal(t, [3]string{"ann", "reveal", id}, [3]string{audit.Entries[0].Who, audit.Entries[0].Action, audit.Entries[0].Subject})

	w.store = noAudit{w.store}
	failed := w.post(t, adminSecret, "/v1/deliveries/"+id+"/reveal", "")
	require.Equal(t, 503, failed.status)
	require.NotContains(t, failed.body, "tulip")
	require.NotEmpty(t, failed.header.Get("Retry-After"))
}

func TestDeliveriesAreListedReplayedAndPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	var ids []string
	for range 3 {
		ids = append(ids, storeDelivery(t, w, inbox.Delivery{Provider: "artmail", Scope: "crm", Lane: "artmail-activation/crm/a", Kind: "agent.paused"}, `{}`))
	}
	other := storeDelivery(t, w, inbox.Delivery{Provider: "offload", Lane: "offload-case/y", Kind: "case.failed"}, `{}`)
	var page struct {
		Deliveries []inbox.Delivery
		Next       string
	}
	w.get(t, crmSecret, "/v1/deliveries?agent=crm&limit=2").into(t, &page)
	require.Equal(t, []string{ids[2], ids[1]}, []string{page.Deliveries[0].ID, page.Deliveries[1].ID})
	w.get(t, crmSecret, "/v1/deliveries?agent=crm&limit=2&cursor="+page.Next).into(t, &page)
	require.Equal(t, ids[0], page.Deliveries[0].ID)
	w.get(t, adminSecret, "/v1/deliveries?reference=y&state=dead&state=late").into(t, &page)
	require.Equal(t, other, page.Deliveries[0].ID)

	require.JSONEq(t, `{"replayed":1,"skipped":0}`, w.post(t, crmSecret, "/v1/deliveries/"+ids[0]+"/replay", "").body)
	require.JSONEq(t, `{"replayed":2,"skipped":0}`, w.post(t, crmSecret, "/v1/deliveries/replay", `{"agent":"crm"}`).body)
	require.JSONEq(t, `{"bodies":1,"rows":0}`, w.post(t, adminSecret, "/v1/deliveries/purge", `{"bodiesBefore":"2026-05-01T13:00:00Z"}`).body)
	require.JSONEq(t, `{"accepted":0,"duplicates":0,"refused":0,"unreadable":0}`, w.post(t, crmSecret, "/v1/deliveries/release", `{"agent":"crm"}`).body)
	require.Equal(t, 409, w.post(t, adminSecret, "/v1/deliveries/"+other+"/replay", "").status, "its body is purged")
	require.Equal(t, 404, w.get(t, adminSecret, "/v1/deliveries/"+inbox.NewID(clock)).status)
}

func TestADeliveryIsDismissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	id := storeDelivery(t, w, inbox.Delivery{Provider: "artmail", Scope: "crm", Lane: "artmail-activation/crm/a", Kind: "agent.paused", Reason: "unreadable"}, `{}`)
	dismiss := func() answer { return w.post(t, crmSecret, "/v1/deliveries/"+id+"/dismiss", "") }
	for range 2 {
		require.JSONEq(t, `{"dismissed":1}`, dismiss().body)
	}
	var one inbox.Delivery
	w.get(t, crmSecret, "/v1/deliveries/"+id).into(t, &one)
	require.Equal(t, inbox.StateIgnored, one.State)
	require.Equal(t, "dead before its dismissal by crm: unreadable", one.Reason)
	trail, err := w.store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, trail, 1)
	require.Equal(t, [3]string{"crm", "dismiss", id}, [3]string{trail[0].Who, trail[0].Action, trail[0].Subject})

	require.JSONEq(t, `{"replayed":1,"skipped":0}`, w.post(t, crmSecret, "/v1/deliveries/"+id+"/replay", "").body)
	refused := dismiss()
	require.Equal(t, 409, refused.status)
	require.Equal(t, "urn:signalbox:problem:conflict", string(refused.problem(t).Type))
	require.Contains(t, refused.problem(t).Detail, "the delivery is pending and can't be dismissed")
	require.Equal(t, 404, w.post(t, adminSecret, "/v1/deliveries/"+inbox.NewID(clock)+"/dismiss", "").status)

	other := storeDelivery(t, w, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "agent.paused"}, `{}`)
	w.store = noAudit{w.store}
	require.Equal(t, 503, w.post(t, crmSecret, "/v1/deliveries/"+other+"/dismiss", "").status)
	w.get(t, crmSecret, "/v1/deliveries/"+other).into(t, &one)
	require.Equal(t, inbox.StateDead, one.State)
}

func TestAPurgeWithATimeAfterNowIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := storeDelivery(t, w, inbox.Delivery{Provider: "offload", Lane: "offload-case/x", Kind: "case.completed"}, `{}`)
	for _, field := range []string{"rowsBefore", "bodiesBefore"} {
		got := w.post(t, "", "/v1/deliveries/purge", `{"`+field+`":"2162-05-01T12:00:00Z"}`)
		require.Equal(t, 400, got.status, got.body)
		require.Equal(t, []api.FieldError{{Field: field, Detail: "it is after now: use a time in the past"}}, got.problem(t).Errors)
	}
	require.Contains(t, w.get(t, "", "/v1/deliveries/"+id).body, `"body":{}`)
	require.NotContains(t, w.get(t, "", "/v1/audit").body, "purge")
}

func TestAnAPIKeyIsRevealedOnlyAfterTheRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	const path = "/v1/activations/crm/brand%2F1%25/api-key"
	reveal := func(state workflows.ActivationState) answer {
		state.Agent, state.ActivationID = "crm", "brand/1%"
		w.temporal.become(workflows.ArtmailActivationWorkflowID("crm", "brand/1%"), state)
		return w.post(t, crmSecret, path, "")
	}
	require.Equal(t, "urn:signalbox:problem:not-found", string(w.post(t, crmSecret, path, "").problem(t).Type))
	lost := []string{workflows.AttentionNoAPIKey}
	for want, state := range map[string]workflows.ActivationState{
		"no-api-key-yet": {Status: workflows.ActivationUnknown, Attention: lost},
		"api-key-lost":   {Status: workflows.ActivationActive, Attention: lost},
		"ended":          {Status: workflows.ActivationDeactivated},
	} {
		require.Equal(t, "urn:signalbox:problem:"+want, string(reveal(state).problem(t).Type))
	}
	audited, err := w.store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, audited, "nothing was shown")

	sealed, err := w.keys.Seal([]byte("art_key"), workflows.APIKeyContext("crm", "brand/1%")...)
	require.NoError(t, err)
	got := reveal(workflows.ActivationState{Status: workflows.ActivationActive, SealedAPIKey: sealed})
	require.JSONEq(t, `{"apiKey":"art_key"}`, got.body)
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	audited, err = w.store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, "crm", audited[0].Who)
	require.Contains(t, audited[0].Subject, "artmail-activation/crm/")
	shown := w.get(t, crmSecret, "/v1/activations/crm/brand%2F1%25?user=true")
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(shown.body), &fields))
	require.Equal(t, true, fields["hasApiKey"])
	require.NotContains(t, fields, "sealedApiKey")

	w.store = noAudit{w.store}
	got = reveal(workflows.ActivationState{Status: workflows.ActivationActive, SealedAPIKey: sealed})
	require.Equal(t, 503, got.status)
	require.NotContains(t, got.body, "art_key")
}
