package inbox_test

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestIDsAreUniqueAndSortByTheTimeTheyWereMade(t *testing.T) {
	t.Parallel()
	ids := make([]string, 1000)
	for i := range ids {
		id, err := inbox.NewID()
		require.NoError(t, err)
		ids[i] = id
	}
	require.True(t, slices.IsSorted(ids))
	require.Len(t, slices.Compact(ids), 1000)
}

func TestPrepareDerivesWhatTheCallerLeftOpen(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	given := []inbox.Delivery{
		{Provider: "p", Lane: "l", Body: []byte("b"), ReceivedAt: received, State: inbox.StatePending},
		{Provider: "p", Body: []byte("b"), ReceivedAt: received, State: inbox.StateDead, ID: "mine"},
		{Provider: "p", Lane: "l", Body: []byte("b"), ReceivedAt: received, State: inbox.StatePending, DueAt: received.Add(time.Hour)},
	}
	prepared, err := inbox.Prepare(given)
	require.NoError(t, err)
	require.NotEmpty(t, prepared[0].ID)
	require.Equal(t, received, prepared[0].DueAt)
	require.True(t, prepared[0].SettledAt.IsZero())
	require.Equal(t, "mine", prepared[1].ID)
	require.Equal(t, received, prepared[1].SettledAt)
	require.Equal(t, received.Add(time.Hour), prepared[2].DueAt)
	require.Empty(t, given[0].ID, "the caller's own are left alone")
}

func TestPageSizesAreBounded(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: inbox.DefaultPage, 0: inbox.DefaultPage, 1: 1, inbox.MaxPage: inbox.MaxPage, inbox.MaxPage + 1: inbox.MaxPage} {
		require.Equal(t, want, inbox.Filter{Limit: limit}.PageSize())
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(inbox.Cursor(0))
	f.Add(inbox.Cursor(-1))
	f.Add(inbox.Cursor(1<<62) + "A")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		sequence, err := inbox.ParseCursor(text)
		if err != nil {
			require.ErrorIs(t, err, inbox.ErrInvalid)
			return
		}
		b, err := base64.RawURLEncoding.DecodeString(inbox.Cursor(sequence))
		require.NoError(t, err)
		given, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		require.Equal(t, given, b)
	})
}
