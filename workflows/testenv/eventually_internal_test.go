package testenv

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAwaitGoesOnOnlyWhileTheValueChanges(t *testing.T) {
	t.Parallel()
	never := func(int) bool { return false }
	for name, c := range map[string]struct {
		// value is read after a time.
		value func(time.Duration) (int, error)
		holds func(int) bool
		ends  time.Duration
		says  string
	}{
		"it holds in the end": {func(d time.Duration) (int, error) { return int(d / time.Minute), nil }, func(n int) bool { return n == 19 }, 19 * time.Minute, ""},
		"it changes for ever": {func(d time.Duration) (int, error) { return int(d / time.Minute), nil }, never, 20 * time.Minute, "last value: 20"},
		"it stops changing":   {func(d time.Duration) (int, error) { return min(3, int(d/time.Minute)), nil }, never, 8 * time.Minute, "last value: 3"},
		"it can not be read":  {func(time.Duration) (int, error) { return 0, errors.New("away") }, never, 5 * time.Minute, "last error: away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := Await(t.Context(), func(context.Context) (int, error) { return c.value(time.Since(began)) }, c.holds)
				require.InDelta(t, c.ends, time.Since(began), float64(waitInterval))
				if c.says == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorContains(t, err, c.says)
			})
		})
	}
}
