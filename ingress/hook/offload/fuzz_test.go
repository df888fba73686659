package offload_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// What the ingress accepted as a known kind, the relay can parse, and it says the same of it.
func FuzzPeekAndParseAgree(f *testing.F) {
	for _, name := range []string{"envelope.json", "completed.json", "failed.json", "input_needed.json"} {
		f.Add(seed(f, name))
	}
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"event_type":"case.completed","data":null}`,
		`{"event_type":"case.failed","timestamp":-1,"data":{"caseId":"c","failureReason":null,"metadata":{"a":"` + "\xff" + `"}}}`,
		`{"event_type":"case.input_needed","timestamp":9e99,"data":{"caseId":1e3,"inputRequest":{"id":"q","requestedAt":"x"}}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, peekErr := offload.Peek(body)
		parsed, parseErr := offload.Parse(body, workflows.EventMeta{DeliveryID: "d", DedupeKey: envelope.DedupeKey})
		if peekErr != nil || envelope.Ignored != "" {
			require.ErrorIs(t, parseErr, hook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		event := parsed.Event
		require.Equal(t, envelope.Kind, event.Kind)
		require.Equal(t, envelope.EntityID, event.Facts.CaseID)
		require.NotEmpty(t, event.Facts.CaseID)
		require.True(t, envelope.OccurredAt.Equal(event.OccurredAt))
		require.True(t, event.OccurredAt.IsZero() || workflows.SaneTime(event.OccurredAt))
		require.Equal(t, time.UTC, event.OccurredAt.Location())

		for _, limit := range []int{16 << 10, signalBytes} {
			fitted, encoded, err := offload.Fit(event, limit)
			require.NoError(t, err)
			require.True(t, json.Valid(encoded))
			require.LessOrEqual(t, len(encoded), limit)
			require.Equal(t, event.Facts.CaseID, fitted.Facts.CaseID)
			require.Equal(t, event.Facts.Result != nil && fitted.Facts.Result == nil, fitted.Facts.Omits("result"))
			require.Equal(t, event.Facts.Metadata != nil && fitted.Facts.Metadata == nil, fitted.Facts.Omits("metadata"))
			require.Equal(t, len(event.Facts.Attachments) > len(fitted.Facts.Attachments), fitted.Facts.Omits("attachments"))
		}
	})
}

// Any JSON value in a field that identifies nothing leaves the end of the case readable.
func FuzzAnUnusableFieldDoesNotLoseTheEndOfACase(f *testing.F) {
	names := []string{
		"event_id", "timestamp", "clientReferenceId", "status", "channel", "attemptCount", "attachments", "resultStatus", "result", "metadata",
		"failureReason", "inputRequest", "inputRequestId", "inputRequestStatus", "inputRequestedAt", "Result", "CASEID", "fresh",
	}
	for _, value := range []string{
		`null`, `true`, `-1`, `2.0`, `1e400`, `""`, `"x\ty"`, `"\ud800"`, "\"\xff\"", `{}`, `{"id":1,"question":[],"requestedAt":{}}`, `[]`, `[1,null,{}]`,
		`[{"attachmentId":"a1","size":"5"},"a2"]`, `"2026-11-26T12:00:00Z"`, `"Thu, 26 Nov 2026 12:00:00 GMT"`, `253402300799999`, `"` + strings.Repeat("x", 2000) + `"`,
	} {
		for n := range names {
			f.Add(uint8(n), []byte(value))
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, value []byte) {
		if !json.Valid(value) {
			return
		}
		name := names[int(n)%len(names)]
		field := fmt.Sprintf("%q:%s", name, value)
		outer, inner := "", ","+field
		if name == "event_id" || name == "timestamp" {
			outer, inner = ","+field, ""
		}
		body := fmt.Appendf(nil, `{"event_type":"case.completed"%s,"data":{"caseId":"c1"%s}}`, outer, inner)

		envelope, err := offload.Peek(body)
		require.NoError(t, err)
		require.Equal(t, "case.completed", envelope.Kind)
		require.Equal(t, "c1", envelope.EntityID)
		require.NotEmpty(t, envelope.DedupeKey)
		parsed, err := offload.Parse(body, workflows.EventMeta{})
		require.NoError(t, err)
		fitted, _, err := offload.Fit(parsed.Event, 2048)
		require.NoError(t, err)
		require.Equal(t, "c1", fitted.Facts.CaseID)
		if name != "status" {
			require.Equal(t, "COMPLETED", fitted.Facts.Status)
		}
		require.NotEmpty(t, fitted.Facts.Status)
	})
}
