package artmail_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

func meta() workflows.EventMeta {
	return workflows.EventMeta{DeliveryID: "d1", DedupeKey: "k1", ReceivedAt: time.UnixMilli(1774131905000).UTC()}
}

func TestParseReadsEachKind(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := []struct {
		name, body string
		want       workflows.ActivationEvent
		key        string
	}{
		{
			"agent.activated", `{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1","user":{"id":"u1","email":"u@example.com"}}`,
			workflows.ActivationEvent{User: &workflows.ActivationUser{ID: "u1", Email: "u@example.com"}},
			"art_key_1",
		},
		{
			"approval_response", `{"event":"approval_response","activationId":"a1","timestamp":1774131900000,"data":{"messageId":"m1","inResponseToId":"m0","approved":true,"reason":null,"runId":null}}`,
			workflows.ActivationEvent{MessageID: "m1", InResponseToID: "m0", Approved: &yes},
			"",
		},
		{
			"approval_response", `{"type":"approval_response","activationId":"a1","timestamp":1774131900000,"messageId":"m1","inResponseToId":"m0","approved":false,"reason":"too loud","runId":"r1"}`,
			workflows.ActivationEvent{MessageID: "m1", InResponseToID: "m0", Approved: &no, Reason: "too loud", RunID: "r1"},
			"",
		},
		{
			"agent.paused", `{"type":"agent.paused","activationId":"a1","timestamp":1774131900000,"reason":"plan_downgrade"}`,
			workflows.ActivationEvent{Reason: "plan_downgrade"},
			"",
		},
		{"agent.resumed", `{"type":"agent.resumed","activationId":"a1","timestamp":1774131900000}`, workflows.ActivationEvent{}, ""},
		{
			"agent.deactivated", `{"type":"agent.deactivated","activationId":"a1","timestamp":1774131900000,"reason":"admin_revoke","apiKeyRevoked":true}`,
			workflows.ActivationEvent{Reason: "admin_revoke"},
			"",
		},
		{
			"run_force_failed", `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900000,"runId":"r1","reason":"stale","staleMinutes":15.5}`,
			workflows.ActivationEvent{RunID: "r1", Reason: "stale", StaleMinutes: 15.5},
			"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.EventMeta = meta()
			tt.want.Kind, tt.want.OccurredAt = tt.name, at
			got, err := artmail.Parse([]byte(tt.body), meta())
			require.NoError(t, err)
			require.Equal(t, tt.want, got.Event)
			require.Equal(t, tt.key, got.APIKey)
			require.Equal(t, "a1", got.EntityID)
			require.Empty(t, got.Lost)
		})
	}
}

func TestUndocumentedFieldsDoNotEnterTheEvent(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		`"token":"art_key_1"`, `"agentApiKey":"art_key_1"`, `"apiKeys":["art_key_1"]`, `"data":{"brand":{"name":"art_key_1"}}`,
		`"user":{"id":"u1","token":"art_key_1","apiKeys":["art_key_1"]}`, `"reason":"art_key_1"`, `"messageId":"art_key_1","runId":"art_key_1"`,
		`"data":{"token":"art_key_1"},"art_key_1":true`,
	} {
		got, err := artmail.Parse([]byte(`{"type":"agent.activated","activationId":"a1",`+secret+`}`), meta())
		require.NoError(t, err)
		encoded, err := json.Marshal(got.Event)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), "art_key_1", secret)
	}
}

func TestAResponseWithoutABooleanReachesTheWorkflow(t *testing.T) {
	t.Parallel()
	for _, approved := range []string{`,"approved":"true"`, `,"approved":"yes"`, `,"approved":1`, `,"approved":null`, `,"approved":{}`, ``} {
		got, err := artmail.Parse([]byte(`{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","reason":"go ahead"`+approved+`}`), meta())
		require.NoError(t, err, approved)
		require.Nil(t, got.Event.Approved, approved)
		require.Equal(t, "m1", got.Event.MessageID)
		require.Equal(t, "m0", got.Event.InResponseToID)
		require.Equal(t, "go ahead", got.Event.Reason)
	}
}

func TestAResponseLosesAnUnusableRequestID(t *testing.T) {
	t.Parallel()
	got, err := artmail.Parse([]byte(`{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"`+strings.Repeat("x", 5000)+`","approved":true}`), meta())
	require.NoError(t, err)
	require.Empty(t, got.Event.InResponseToID)
	require.True(t, *got.Event.Approved)
	require.Equal(t, []string{"inResponseToId"}, got.Lost)
}

func TestATooLongValueIsCutOrLostAlone(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 40_000)
	for name, tt := range map[string]struct {
		fields string
		lost   []string
	}{
		"reason":     {`"type":"agent.deactivated","reason":"` + long + `"`, []string{"reason"}},
		"user":       {`"type":"agent.activated","apiKey":"k","user":{"id":"` + long + `","email":"` + long + `"}`, []string{"user.id", "user.email"}},
		"a user tab": {`"type":"agent.activated","apiKey":"k","user":{"id":"u\t1","email":"a@b.example"}`, []string{"user.id"}},
		"key":        {`"type":"agent.activated","apiKey":"` + long + `"`, []string{"apiKey"}},
		"run":        {`"type":"approval_response","messageId":"m1","runId":"` + strings.Repeat("r", 251) + `"`, []string{"runId"}},
		"minutes":    {`"type":"run_force_failed","runId":"r1","staleMinutes":1e300`, []string{"staleMinutes"}},
		"late time":  {`"type":"agent.resumed","timestamp":"2200-01-02T00:00:00Z"`, []string{"timestamp"}},
		"early time": {`"type":"agent.resumed","timestamp":"1999-12-31T00:00:00Z"`, []string{"timestamp"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte(`{"activationId":"a1",` + tt.fields + `}`)
			got, err := artmail.Parse(body, meta())
			require.NoError(t, err)
			require.Equal(t, tt.lost, got.Lost)
			require.LessOrEqual(t, len(got.APIKey), workflows.MaxAPIKeyBytes)
			require.True(t, got.Event.OccurredAt.IsZero())
			encoded, err := json.Marshal(got.Event)
			require.NoError(t, err)
			require.Less(t, len(encoded), 40_000)
			peeked, err := artmail.Peek(body)
			require.NoError(t, err)
			require.Equal(t, got.DedupeKey, peeked.DedupeKey)
			require.Equal(t, got.KeyByBody, peeked.KeyByBody)
		})
	}
}

func TestIDsOfOneLengthAreAcceptedEverywhere(t *testing.T) {
	t.Parallel()
	for bytes, fits := range map[int]bool{250: true, 251: false, 500: false} {
		id := strings.Repeat("x", bytes)
		for _, body := range []string{
			`{"type":"agent.resumed","timestamp":1774131900,"activationId":"` + id + `"}`,
			`{"type":"approval_response","activationId":"a1","messageId":"` + id + `"}`,
			`{"type":"run_force_failed","activationId":"a1","runId":"` + id + `"}`,
		} {
			_, err := artmail.Peek([]byte(body))
			require.Equal(t, fits, err == nil, "%d bytes: %v", bytes, err)
		}
		require.Equal(t, fits, workflows.OpenRun{RunID: id}.Validate() == nil)
		require.Equal(t, fits, workflows.ValidateApprovalRequests([]workflows.ApprovalRequest{{MessageID: id}}) == nil)
	}
}

func TestTheAPIKeyIsRemovedFromTheEvent(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"at the top":                 `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","more":1}`,
		"under data":                 `{"type":"agent.activated","activationId":"a1","data":{"apiKey":"art_key_1","more":1}}`,
		"in both places":             `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","data":{"apiKey":"art_key_1"}}`,
		"under another spelling":     `{"type":"agent.activated","activationId":"a1","api_key":"art_key_1"}`,
		"deeper":                     `{"type":"agent.activated","activationId":"a1","data":{"activation":[{"API-Key":"art_key_1"}]}}`,
		"beside what is too deep":    `{"type":"agent.activated","activationId":"a1","api_key":"art_key_1","more":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
		"repeated within other text": `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1","note":"Your key: art_key_1.","list":["art_key_1"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artmail.Parse([]byte(body), meta())
			require.NoError(t, err)
			require.Equal(t, "art_key_1", got.APIKey)
			encoded, err := json.Marshal(got.Event)
			require.NoError(t, err)
			require.NotContains(t, string(encoded), "art_key_1")
		})
	}
}

func TestParseTakesNoAPIKeyFromOtherKinds(t *testing.T) {
	t.Parallel()
	got, err := artmail.Parse([]byte(`{"type":"agent.resumed","activationId":"a1","timestamp":1774131900,"apiKey":"art_key_1"}`), meta())
	require.NoError(t, err)
	require.Empty(t, got.APIKey)
}

func TestParseRefusesAnEventThatNoWorkflowTakes(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"type":"test.ping","activationId":"test"}`, `{"type":"agent.activated","activationId":"test"}`, `{"type":"agent.renamed","activationId":"a1"}`, `{`,
	} {
		_, err := artmail.Parse([]byte(body), meta())
		require.ErrorIs(t, err, hook.ErrUnparseable, body)
	}
}

// Any JSON value in a field that identifies nothing leaves the end of the activation, the answer and the failed run readable.
func FuzzAnUnusableFieldDoesNotLoseTheEvent(f *testing.F) {
	names := []string{"timestamp", "reason", "staleMinutes", "approved", "inResponseToId", "apiKey", "user", "event", "data", "Type", "activationid", "fresh"}
	bodies := []string{
		`{"type":"agent.deactivated","activationId":"a1"`, `{"type":"approval_response","activationId":"a1","messageId":"m1"`,
		`{"type":"run_force_failed","activationId":"a1","runId":"r1"`, `{"type":"agent.activated","activationId":"a1"`,
	}
	for _, value := range []string{
		`null`, `true`, `-1`, `1e400`, `""`, `"\ud800"`, "\"\xff\"", `{}`, `{"id":[],"activationId":"a2"}`, `[1]`, `"Thu, 26 Nov 2026 12:00:00 GMT"`,
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	} {
		for n := range names {
			f.Add(uint8(n), uint8(n), []byte(value))
		}
	}
	f.Fuzz(func(t *testing.T, n, m uint8, value []byte) {
		if !json.Valid(wire.CutDeep(value)) {
			return
		}
		begin := bodies[int(m)%len(bodies)]
		body := fmt.Appendf(nil, `%s,%q:%s}`, begin, names[int(n)%len(names)], value)
		parsed, err := artmail.Parse(body, meta())
		require.NoError(t, err)
		require.Contains(t, begin, parsed.Kind)
		require.Equal(t, "a1", parsed.EntityID)
		_, _, err = artmail.Fit(parsed.Event, 4096)
		require.NoError(t, err)
	})
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
		envelope, peekErr := artmail.Peek(body)
		parsed, parseErr := artmail.Parse(body, workflows.EventMeta{DeliveryID: "d", DedupeKey: envelope.DedupeKey})
		if peekErr != nil || envelope.Ignored != "" {
			require.ErrorIs(t, parseErr, hook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		event := parsed.Event
		require.Equal(t, envelope.Kind, event.Kind)
		require.NoError(t, workflows.ValidateActivationID(envelope.EntityID))
		require.Equal(t, envelope.EntityID, parsed.EntityID)
		require.True(t, envelope.OccurredAt.Equal(event.OccurredAt))
		require.LessOrEqual(t, len(workflows.ArtmailActivationWorkflowID("agent", parsed.EntityID)), workflows.MaxSourceIDBytes)
		_, err := json.Marshal(event)
		require.NoError(t, err)
	})
}
