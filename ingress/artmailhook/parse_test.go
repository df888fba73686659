package artmailhook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
	"github.com/signalbox-dev/signalbox/workflows"
)

func meta() workflows.EventMeta {
	return workflows.EventMeta{DeliveryID: "d1", DedupeKey: "k1", ReceivedAt: time.UnixMilli(1774131905000).UTC()}
}

func TestParseReadsEachKind(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := []struct {
		name, body string
		want       artmailhook.Event
	}{
		{
			"agent.activated", `{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1","user":{"id":"u1","email":"u@example.com"}}`,
			artmailhook.Event{APIKey: "art_key_1", ActivationEvent: workflows.ActivationEvent{User: &workflows.ActivationUser{ID: "u1", Email: "u@example.com"}}},
		},
		{
			"approval_response", `{"event":"approval_response","activationId":"a1","timestamp":1774131900000,"data":{"messageId":"m1","inResponseToId":"m0","approved":true,"reason":null,"runId":null}}`,
			artmailhook.Event{ActivationEvent: workflows.ActivationEvent{MessageID: "m1", InResponseToID: "m0", Approved: &yes}},
		},
		{
			"approval_response", `{"type":"approval_response","activationId":"a1","timestamp":1774131900000,"messageId":"m1","inResponseToId":"m0","approved":false,"reason":"too loud","runId":"r1"}`,
			artmailhook.Event{ActivationEvent: workflows.ActivationEvent{MessageID: "m1", InResponseToID: "m0", Approved: &no, Reason: "too loud", RunID: "r1"}},
		},
		{
			"agent.paused", `{"type":"agent.paused","activationId":"a1","timestamp":1774131900000,"reason":"plan_downgrade"}`,
			artmailhook.Event{ActivationEvent: workflows.ActivationEvent{Reason: "plan_downgrade"}},
		},
		{"agent.resumed", `{"type":"agent.resumed","activationId":"a1","timestamp":1774131900000}`, artmailhook.Event{}},
		{
			"agent.deactivated", `{"type":"agent.deactivated","activationId":"a1","timestamp":1774131900000,"reason":"admin_revoke","apiKeyRevoked":true}`,
			artmailhook.Event{ActivationEvent: workflows.ActivationEvent{Reason: "admin_revoke", Extra: json.RawMessage(`{"apiKeyRevoked":true}`)}},
		},
		{
			"run_force_failed", `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900000,"runId":"r1","reason":"stale","staleMinutes":15.5}`,
			artmailhook.Event{ActivationEvent: workflows.ActivationEvent{RunID: "r1", Reason: "stale", StaleMinutes: 15.5}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.EventMeta = meta()
			tt.want.Kind, tt.want.OccurredAt, tt.want.ActivationID = tt.name, at, "a1"
			got, err := artmailhook.Parse([]byte(tt.body), meta())
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseKeepsUnknownFieldsAsTheyAre(t *testing.T) {
	t.Parallel()
	got, err := artmailhook.Parse([]byte(`{"type":"agent.resumed","activationId":"a1","timestamp":1774131900,"version":12345678901234567890,
		"data":{"brand":{"name":"B <&>"},"tags":[1,null]}}`), meta())
	require.NoError(t, err)
	require.JSONEq(t, `{"version":12345678901234567890,"brand":{"name":"B <&>"},"tags":[1,null]}`, string(got.Extra))
	require.Contains(t, string(got.Extra), "12345678901234567890")
}

func TestTheAPIKeyNeverStaysInTheEvent(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"at the top":                 `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","more":1}`,
		"under data":                 `{"type":"agent.activated","activationId":"a1","data":{"apiKey":"art_key_1","more":1}}`,
		"in both places":             `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","data":{"apiKey":"art_key_1"}}`,
		"under another spelling":     `{"type":"agent.activated","activationId":"a1","api_key":"art_key_1"}`,
		"deeper":                     `{"type":"agent.activated","activationId":"a1","data":{"activation":[{"API-Key":"art_key_1"}]}}`,
		"repeated within other text": `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","note":"Your key: art_key_1.","list":["art_key_1"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artmailhook.Parse([]byte(body), meta())
			require.NoError(t, err)
			require.Equal(t, "art_key_1", got.APIKey)
			encoded, err := json.Marshal(got.ActivationEvent)
			require.NoError(t, err)
			require.NotContains(t, string(encoded), "art_key_1")
		})
	}
}

func TestParseTakesNoAPIKeyFromOtherKinds(t *testing.T) {
	t.Parallel()
	got, err := artmailhook.Parse([]byte(`{"type":"agent.resumed","activationId":"a1","timestamp":1774131900,"apiKey":"art_key_1"}`), meta())
	require.NoError(t, err)
	require.Empty(t, got.APIKey)
	require.Nil(t, got.Extra)
}

func TestParseRefusesWhatIsNotForAWorkflow(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"type":"test.ping","activationId":"test"}`, `{"type":"agent.activated","activationId":"test"}`, `{"type":"agent.renamed","activationId":"a1"}`, `{`,
	} {
		_, err := artmailhook.Parse([]byte(body), meta())
		require.ErrorIs(t, err, artmailhook.ErrUnparseable, body)
	}
}

// What the ingress accepted for a workflow, the relay can parse, and it says the same of it.
func FuzzPeekAndParseAgree(f *testing.F) {
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"type":"agent.paused","activationId":1,"timestamp":1e12}`,
		`{"type":"agent.activated","activationId":"a1","timestamp":"2026-03-21T22:25:00Z","apiKey":"k","user":{"id":1,"email":null}}`,
		`{"event":"approval_response","activationId":"a1","data":{"messageId":"m1","inResponseToId":"m0","approved":true,"runId":null}}`,
		`{"eventType":"run_force_failed","data":{"activationId":"a1","runId":"r1","staleMinutes":"15"},"data2":[{"api_key":"x"}]}`,
		`{"event_type":"test.ping","activationId":"test","note":null}`,
		"{\"type\":\"agent.resumed\",\"activationId\":\"\xff\",\"timestamp\":0}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, peekErr := artmailhook.Peek(body)
		event, parseErr := artmailhook.Parse(body, workflows.EventMeta{DeliveryID: "d", DedupeKey: envelope.DedupeKey})
		if peekErr != nil || envelope.Ignored {
			require.ErrorIs(t, parseErr, artmailhook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		require.Equal(t, envelope.Kind, event.Kind)
		require.NoError(t, workflows.ValidateActivationID(envelope.ActivationID))
		require.Equal(t, envelope.ActivationID, event.ActivationID)
		require.True(t, envelope.OccurredAt.Equal(event.OccurredAt))
		id := workflows.ArtmailActivationWorkflowID("agent", event.ActivationID)
		_, back, ok := workflows.ParseArtmailActivationWorkflowID(id)
		require.True(t, ok)
		require.Equal(t, event.ActivationID, back)
		_, err := json.Marshal(event.ActivationEvent)
		require.NoError(t, err)
	})
}
