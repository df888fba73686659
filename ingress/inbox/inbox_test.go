package inbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestIDsAreUniqueAndSortByArrival(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var ids []string
	for i := range 1000 {
		ids = append(ids, inbox.NewID(began.Add(time.Duration(i/10)*time.Microsecond)))
	}
	require.True(t, slices.IsSorted(ids))
	require.Len(t, slices.Compact(slices.Clone(ids)), 1000)
	for i, id := range ids {
		require.NoError(t, inbox.ValidateID(id))
		at := began.Add(time.Duration(i/10) * time.Microsecond)
		require.LessOrEqual(t, inbox.FirstID(at), id)
		require.Greater(t, inbox.FirstID(at.Add(time.Microsecond)), id)
	}
	for _, odd := range []time.Time{{}, time.Unix(-5, 0), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		require.NoError(t, inbox.ValidateID(inbox.NewID(odd)))
	}
	for _, text := range []string{"", "mine", "0190A0A0-0000-7000-8000-000000000001", "{0190a0a0-0000-7000-8000-000000000001}"} {
		require.ErrorIs(t, inbox.ValidateID(text), inbox.ErrInvalid)
	}
}

func TestPrepareDerivesWhatTheCallerLeftOpen(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	mine := inbox.NewID(received)
	given := []inbox.Delivery{
		{Provider: "p", Lane: "l", Body: []byte("b"), ReceivedAt: received, State: inbox.StatePending},
		{Provider: "p", Body: []byte("b"), ReceivedAt: received, State: inbox.StateDead, ID: mine},
	}
	prepared, err := inbox.Prepare(given)
	require.NoError(t, err)
	require.NotEmpty(t, prepared[0].ID)
	require.True(t, prepared[0].SettledAt.IsZero())
	require.Equal(t, mine, prepared[1].ID)
	require.Equal(t, received, prepared[1].SettledAt)
	require.Empty(t, given[0].ID, "the caller's own are left alone")
}

func TestPageSizesAreBounded(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: inbox.DefaultPage, 0: inbox.DefaultPage, 1: 1, inbox.MaxPage: inbox.MaxPage, inbox.MaxPage + 1: inbox.MaxPage} {
		require.Equal(t, want, inbox.Filter{Limit: limit}.PageSize())
	}
}
