package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A document that is accepted says the same when it is written out and read again, and nothing of it was passed over.
func FuzzAStartIsReadWholeOrRefused(f *testing.F) {
	for _, seed := range []string{
		`{"reference":"vendor_1","request":{"channel":"EMAIL","goal":{"objective":"o"},"counterparty":{"address":"a@x.example","name":"A"},"senderPersona":{"name":"B"}}}`,
		`{"caseId":"c1"}`, `{"reference":"a","options":{"reconcileAfter":"15m"}}`, `{"referense":"a"}`, `{"reference":"a"}{"reference":"b"}`, `{} x`, ``, `null`, `[]`, "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		start, err := process{in: strings.NewReader(document)}.readStart(t.Context(), "-")
		if err != nil {
			require.ErrorIs(t, err, errUsage)
			return
		}
		require.True(t, json.Valid([]byte(document)), "one document and nothing after it")
		// Whether it is a start that makes sense is asked by everybody who starts a case; it must have an answer.
		wrong := start.Validate()
		encoded, err := json.Marshal(start)
		require.NoError(t, err)
		again, err := process{in: strings.NewReader(string(encoded))}.readStart(t.Context(), "-")
		require.NoError(t, err)
		require.Equal(t, wrong == nil, again.Validate() == nil)
	})
}

func FuzzAMomentIsATimeOrAnError(f *testing.F) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{"", "2h", "-2h", "0", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00+25:00", "9223372036854775807ns", "2562047h47m16.854775808s", "yesterday"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := moment("since", text, now)
		if err != nil {
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, "--since")
			return
		}
		require.Equal(t, text == "", at.IsZero() && !strings.HasPrefix(text, "0001-01-01"))
		if ago, err := time.ParseDuration(text); err == nil && text != "" {
			require.Equal(t, ago, now.Sub(at))
		}
	})
}
