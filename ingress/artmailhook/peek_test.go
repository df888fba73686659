package artmailhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
)

var at = time.UnixMilli(1774131900000).UTC()

func TestPeekKeysEachKindAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind, extra, key string
		ignored          bool
	}{
		{"agent.activated", `,"apiKey":"k"`, "agent.activated/a1", false},
		{"approval_response", `,"messageId":"m1","inResponseToId":"m0","approved":true`, "approval_response/m1", false},
		{"agent.paused", `,"reason":"user_paused"`, "agent.paused/a1/1774131900000", false},
		{"agent.resumed", ``, "agent.resumed/a1/1774131900000", false},
		{"agent.deactivated", `,"reason":"admin_revoke"`, "agent.deactivated/a1", false},
		{"run_force_failed", `,"runId":"r1"`, "run_force_failed/r1", false},
		{"test.ping", `,"note":null`, "", true},
		{"agent.renamed", ``, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			got, err := artmailhook.Peek(fmt.Appendf(nil, `{"type":%q,"activationId":"a1","timestamp":1774131900000%s}`, tt.kind, tt.extra))
			require.NoError(t, err)
			require.Equal(t, artmailhook.Envelope{Kind: tt.kind, Ignored: tt.ignored, DedupeKey: tt.key, ActivationID: "a1", OccurredAt: at}, got)
		})
	}
}

func TestPeekReadsEveryEnvelopeAlike(t *testing.T) {
	t.Parallel()
	want := artmailhook.Envelope{Kind: "run_force_failed", DedupeKey: "run_force_failed/r1", ActivationID: "a1", OccurredAt: at}
	for name, body := range map[string]string{
		"type, milliseconds, top":       `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900000,"runId":"r1"}`,
		"event, seconds, data":          `{"event":"run_force_failed","activationId":"a1","timestamp":1774131900,"data":{"runId":"r1"}}`,
		"eventType, ISO, all in data":   `{"eventType":"run_force_failed","data":{"activationId":"a1","timestamp":"2026-03-21T22:25:00Z","runId":"r1"}}`,
		"event_type, ISO with a zone":   `{"event_type":"run_force_failed","activationId":"a1","timestamp":"2026-03-21T15:25:00.000-07:00","runId":"r1"}`,
		"ISO without a zone is UTC":     `{"type":"run_force_failed","activationId":"a1","timestamp":"2026-03-21T22:25:00","runId":"r1"}`,
		"ISO with a space":              `{"type":"run_force_failed","activationId":"a1","timestamp":"2026-03-21 22:25:00","runId":"r1"}`,
		"seconds with a fraction":       `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900.0,"runId":"r1"}`,
		"milliseconds in quotes":        `{"type":"run_force_failed","activationId":"a1","timestamp":"1774131900000","runId":"r1"}`,
		"a documented kind wins":        `{"type":"webhook","event":"run_force_failed","activationId":"a1","timestamp":1774131900,"runId":"r1"}`,
		"an event that is an object":    `{"event":{"id":1},"eventType":"run_force_failed","activationId":"a1","timestamp":1774131900,"runId":"r1"}`,
		"the top wins over data":        `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900,"runId":"r1","data":{"activationId":"a2","runId":"r2"}}`,
		"null at the top is not said":   `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900,"runId":null,"data":{"runId":"r1"}}`,
		"data that is no object":        `{"type":"run_force_failed","activationId":"a1","timestamp":1774131900,"runId":"r1","data":"x"}`,
		"microseconds don't split keys": `{"type":"run_force_failed","activationId":"a1","timestamp":"2026-03-21T22:25:00.000123Z","runId":"r1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := artmailhook.Peek([]byte(body))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestPeekGivesNoKeyToAPauseWithoutATime(t *testing.T) {
	t.Parallel()
	for _, timestamp := range []string{`null`, `"soon"`, `-5`, `1e300`, `"12026-03-21T22:25:00Z"`, `{}`} {
		got, err := artmailhook.Peek([]byte(`{"type":"agent.paused","activationId":"a1","timestamp":` + timestamp + `}`))
		require.NoError(t, err)
		require.Empty(t, got.DedupeKey, timestamp)
		require.Zero(t, got.OccurredAt)
	}
}

func TestPeekIgnoresWhateverComesForTheTestActivation(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"test.ping", "agent.activated", "approval_response"} {
		got, err := artmailhook.Peek([]byte(`{"type":"` + kind + `","activationId":"test"}`))
		require.NoError(t, err)
		require.True(t, got.Ignored)
		require.Empty(t, got.DedupeKey)
	}
	got, err := artmailhook.Peek([]byte(`{"type":"test.ping"}`))
	require.NoError(t, err)
	require.True(t, got.Ignored, "a ping needs no activation")
}

func TestPeekRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	tests := []struct{ name, body, says string }{
		{"nothing", ``, "unexpected end"},
		{"broken JSON", `{"type":`, "unexpected end"},
		{"a list", `[]`, "cannot unmarshal"},
		{"null", `null`, "no kind"},
		{"no kind", `{"activationId":"a1"}`, "no kind"},
		{"a kind under data alone", `{"data":{"type":"agent.paused","activationId":"a1"}}`, "no kind"},
		{"an absurd kind", `{"type":"` + long + `"}`, "kind has 5000 bytes"},
		{"no activation", `{"type":"agent.paused"}`, "invalid activation id"},
		{"an absurd activation", `{"type":"agent.paused","activationId":"` + long + `"}`, "invalid activation id"},
		{"an activation with a NUL", `{"type":"agent.paused","activationId":"a\u0000"}`, "activationId has a character"},
		{"a response without its message", `{"type":"approval_response","activationId":"a1","inResponseToId":"m0","approved":true}`, "messageId is missing"},
		{"a response to nothing", `{"type":"approval_response","activationId":"a1","messageId":"m1","approved":true}`, "inResponseToId is missing"},
		{"a response without an answer", `{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0"}`, "approved is neither"},
		{"a response with half an answer", `{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","approved":"yes"}`, "approved is neither"},
		{"an absurd message", `{"type":"approval_response","activationId":"a1","messageId":"` + long + `"}`, "messageId has 5000"},
		{"a response in an absurd run", `{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","approved":true,"runId":"` + long + `"}`, "runId has 5000"},
		{"a failed run without its ID", `{"type":"run_force_failed","activationId":"a1"}`, "runId is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := artmailhook.Peek([]byte(tt.body))
			require.ErrorIs(t, err, artmailhook.ErrUnparseable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestLooksLikeActivationErrsOnTheSideOfYes(t *testing.T) {
	t.Parallel()
	require.True(t, artmailhook.LooksLikeActivation([]byte(`{"kind":"agent.activated"`)))
	require.True(t, artmailhook.LooksLikeActivation([]byte(`{"x":{"apiKey":"k"}}`)))
	require.False(t, artmailhook.LooksLikeActivation([]byte(`{"type":"agent.paused","activationId":"a1"}`)))
}
