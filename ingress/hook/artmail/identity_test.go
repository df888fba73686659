package artmail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
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
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			got, err := artmail.Peek(fmt.Appendf(nil, `{"type":%q,"activationId":"a1","timestamp":1774131900000%s}`, tt.kind, tt.extra))
			require.NoError(t, err)
			require.Equal(t, tt.ignored, got.Ignored != "")
			got.Ignored = ""
			require.Equal(t, hook.Envelope{Kind: tt.kind, DedupeKey: tt.key, EntityID: "a1", OccurredAt: at}, got)
		})
	}
}

func TestAllUndocumentedKindsAreOneKind(t *testing.T) {
	t.Parallel()
	got, err := artmail.Peek([]byte(`{"type":"agent.renamed","activationId":"a1","timestamp":1774131900000}`))
	require.NoError(t, err)
	require.Equal(t, hook.Envelope{Kind: hook.KindUnknown, Ignored: `unknown kind "agent.renamed"`, EntityID: "a1", OccurredAt: at}, got)
}

func TestPeekReadsEveryFormOfTheEnvelope(t *testing.T) {
	t.Parallel()
	want := hook.Envelope{Kind: "run_force_failed", DedupeKey: "run_force_failed/r1", EntityID: "a1", OccurredAt: at}
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
			got, err := artmail.Peek([]byte(body))
			require.NoError(t, err)
			got.Lost = nil
			require.Equal(t, want, got)
		})
	}
}

func TestAPauseOrResumeWithoutATimeIsKeyedByItsBody(t *testing.T) {
	t.Parallel()
	for _, timestamp := range []string{`null`, `"soon"`, `-5`, `1e300`, `"12026-03-21T22:25:00Z"`, `{}`} {
		for _, kind := range []string{"agent.paused", "agent.resumed"} {
			got, err := artmail.Peek([]byte(`{"type":"` + kind + `","activationId":"a1","timestamp":` + timestamp + `}`))
			require.NoError(t, err)
			require.Empty(t, got.DedupeKey, timestamp)
			require.True(t, got.KeyByBody, timestamp)
			require.Zero(t, got.OccurredAt)
		}
	}
}

func TestPeekIgnoresEventsOfTheTestActivation(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"test.ping", "agent.activated", "approval_response"} {
		got, err := artmail.Peek([]byte(`{"type":"` + kind + `","activationId":"test"}`))
		require.NoError(t, err)
		require.NotEmpty(t, got.Ignored)
		require.Empty(t, got.DedupeKey)
	}
	got, err := artmail.Peek([]byte(`{"type":"test.ping"}`))
	require.NoError(t, err)
	require.NotEmpty(t, got.Ignored, "a ping needs no activation")
}

func TestAnEventOfAnUnreadableKindKeepsItsID(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{`null`, `{}`, `"a\u0000"`, `"` + strings.Repeat("x", 101) + `"`} {
		got, err := artmail.Peek([]byte(`{"type":` + kind + `,"activationId":"a1"}`))
		require.ErrorIs(t, err, hook.ErrUnparseable, kind)
		require.Equal(t, "a1", got.EntityID, kind)
	}
}

func TestPeekRefusesABodyThatIsNotAnEvent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	tests := []struct{ name, body, says string }{
		{"nothing", ``, "not a JSON object"},
		{"broken JSON", `{"type":`, "not a JSON object"},
		{"a list", `[]`, "another JSON value"},
		{"null", `null`, "another JSON value"},
		{"no kind", `{"activationId":"a1"}`, "kind (type, event, eventType or event_type) is missing"},
		{"a kind under data alone", `{"data":{"type":"agent.paused","activationId":"a1"}}`, "kind (type, event, eventType or event_type) is missing"},
		{"an absurd kind", `{"type":"` + long + `"}`, "kind has 5000 bytes"},
		{"no activation", `{"type":"agent.paused"}`, "invalid activation id"},
		{"an absurd activation", `{"type":"agent.paused","activationId":"` + long + `"}`, "invalid activation id"},
		{"an activation with a NUL", `{"type":"agent.paused","activationId":"a\u0000"}`, "has a control character"},
		{"a response without its message", `{"type":"approval_response","activationId":"a1","inResponseToId":"m0","approved":true}`, "messageId is missing"},
		{"a blank message", `{"type":"approval_response","activationId":"a1","messageId":" \t"}`, "messageId is missing"},
		{"an absurd message", `{"type":"approval_response","activationId":"a1","messageId":"` + long + `"}`, "messageId has 5000"},
		{"a failed run without its ID", `{"type":"run_force_failed","activationId":"a1"}`, "runId is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := artmail.Peek([]byte(tt.body))
			require.ErrorIs(t, err, hook.ErrUnparseable)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func TestAnUnusableFieldIsLostAlone(t *testing.T) {
	t.Parallel()
	long, deep := strings.Repeat("x", 5000), strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001)
	for _, tt := range []struct{ name, body, key, lost string }{
		{"a run too deep", `{"type":"approval_response","activationId":"a1","messageId":"m1","runId":` + deep + `}`, "approval_response/m1", "runId"},
		{"data too deep", `{"type":"agent.deactivated","activationId":"a1","fresh":` + deep + `,"data":` + deep + `}`, "agent.deactivated/a1", "data"},
		{"an answer in an absurd run", `{"type":"approval_response","activationId":"a1","messageId":"m1","runId":"` + long + `"}`, "approval_response/m1", "runId"},
		{"an odd run", `{"type":"approval_response","activationId":"a1","messageId":"m1","runId":{}}`, "approval_response/m1", "runId"},
		{"an odd time", `{"type":"agent.deactivated","activationId":"a1","timestamp":"soon"}`, "agent.deactivated/a1", "timestamp"},
		{"an odd message", `{"type":"agent.activated","activationId":"a1","messageId":[]}`, "agent.activated/a1", "messageId"},
		{"odd data", `{"type":"run_force_failed","activationId":"a1","runId":"r1","data":7}`, "run_force_failed/r1", "data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := artmail.Peek([]byte(tt.body))
			require.NoError(t, err)
			require.Equal(t, tt.key, got.DedupeKey)
			require.Equal(t, []string{tt.lost}, got.Lost)
		})
	}
}

func TestAByteOrderMarkBeforeAnEventIsSkipped(t *testing.T) {
	t.Parallel()
	got, err := artmail.Peek([]byte("\xef\xbb\xbf" + `{"type":"agent.activated","activationId":"a1","apiKey":"k"}`))
	require.NoError(t, err)
	require.Equal(t, "agent.activated/a1", got.DedupeKey)
}

func TestAnHTTPDateIsATime(t *testing.T) {
	t.Parallel()
	got, err := artmail.Peek([]byte(`{"type":"agent.paused","activationId":"a1","timestamp":"Sat, 21 Mar 2026 22:25:00 GMT"}`))
	require.NoError(t, err)
	require.Equal(t, at, got.OccurredAt)
	require.Equal(t, "agent.paused/a1/1774131900000", got.DedupeKey)
}

func BenchmarkPeek(b *testing.B) {
	body := []byte(`{"type":"approval_response","activationId":"act_0c6f8f1e-1b3a-4b5e-9a5e-3f2b6f0c1d2e","timestamp":1774131900000,"messageId":"msg_9d8c7b6a5",
		"inResponseToId":"msg_1a2b3c4d5","approved":true,"reason":"Looks good to us, go ahead.","runId":"run_77aa88bb99"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := artmail.Peek(body); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLooksLikeActivationReturnsTrueInDoubt(t *testing.T) {
	t.Parallel()
	require.True(t, artmail.LooksLikeActivation([]byte(`{"kind":"agent.activated"`)))
	require.True(t, artmail.LooksLikeActivation([]byte(`{"x":{"apiKey":"k"}}`)))
	require.True(t, artmail.LooksLikeActivation([]byte("\x1f\x8b\x08")), "it is not inflated before it is verified")
	require.False(t, artmail.LooksLikeActivation([]byte(`{"type":"agent.paused","activationId":"a1"}`)))
}
