package torture

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLongestWaitsAreKeptWithWhatWasInTheWay(t *testing.T) {
	t.Parallel()
	var now time.Time
	w := newWaits(func() time.Time { return now })
	looked := 0
	require.NoError(t, w.until(t.Context(), "slow", "see it", func(context.Context) (bool, error) {
		looked++
		now = now.Add(time.Second)
		return looked == 2, errors.New("not yet")
	}))
	for range 2 * keptWaits {
		require.NoError(t, w.until(t.Context(), "quick", "see it", func(context.Context) (bool, error) { return true, nil }))
	}
	longest := w.most()
	require.Len(t, longest, keptWaits)
	require.Equal(t, "slow", longest[0].Who)
	require.Equal(t, "slow: see it: 2 s, not yet", longest[0].String())
	require.Empty(t, w.open, "no waiter is left")
}
