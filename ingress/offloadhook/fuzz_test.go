package offloadhook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
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
		envelope, peekErr := offloadhook.Peek(body)
		event, parseErr := offloadhook.Parse(body, workflows.EventMeta{DeliveryID: "d", DedupeKey: envelope.DedupeKey})
		if peekErr != nil || !envelope.Known {
			require.ErrorIs(t, parseErr, offloadhook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		require.Equal(t, envelope.Kind, event.Kind)
		require.Equal(t, envelope.CaseID, event.Facts.CaseID)
		require.NotEmpty(t, event.Facts.CaseID)
		require.True(t, envelope.OccurredAt.Equal(event.OccurredAt))
		require.True(t, event.OccurredAt.IsZero() || event.OccurredAt.Year() < 10_000)
		require.Equal(t, time.UTC, event.OccurredAt.Location())

		fitted, encoded, err := offloadhook.Fit(event, 4096)
		if err != nil {
			require.ErrorIs(t, err, offloadhook.ErrUnparseable)
			return
		}
		require.True(t, json.Valid(encoded))
		require.LessOrEqual(t, len(encoded), 4096)
		require.Equal(t, event.Facts.CaseID, fitted.Facts.CaseID)
	})
}
