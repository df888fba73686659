package torture

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLongestWaitsAreKeptWithWhatWasInTheWay(t *testing.T) {
	t.Parallel()
	w := newWaits()
	looked := 0
	require.NoError(t, w.until(t.Context(), "slow", "see it", func(context.Context) (bool, error) {
		looked++
		return looked == 2, errors.New("not yet")
	}))
	for range 2 * keptWaits {
		require.NoError(t, w.until(t.Context(), "quick", "see it", func(context.Context) (bool, error) { return true, nil }))
	}
	longest := w.most()
	require.Len(t, longest, keptWaits)
	require.Equal(t, "slow", longest[0].Who)
	require.Equal(t, "slow: see it: 0 s, not yet", longest[0].String())
	require.Empty(t, w.open, "no waiter is left")
}
