package offloadapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func limited(perSecond float64) limiter {
	return newLimiter(perSecond, Config{Now: time.Now, Timeout: 30 * time.Second})
}

func TestRequestsAreSpacedEvenly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, began := limited(4), time.Now()
		for range 9 {
			_, err := l.wait(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestARequestThatWouldWaitTooLongIsRefusedAndTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limited(0.1)
		_, err := l.wait(t.Context())
		require.NoError(t, err)
		for range 3 {
			after, err := l.wait(t.Context())
			require.ErrorIs(t, err, ErrPaced)
			require.Equal(t, 10*time.Second, after)
		}
		<-time.After(5 * time.Second)
		_, err = l.wait(t.Context())
		require.NoError(t, err, "it waits for the rest")
	})
}

// A POST that the deadline cuts short would be uncertain.
func TestARequestIsRefusedIfTheDeadlineWouldCutItShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for deadline, refused := range map[time.Duration]bool{31 * time.Second: true, 33 * time.Second: false} {
			l := limited(0.5)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			_, err := l.wait(ctx)
			require.NoError(t, err)
			_, err = l.wait(ctx)
			require.Equal(t, refused, err != nil, deadline)
			cancel()
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limited(0.5)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := l.wait(ctx)
		require.NoError(t, err)
		time.AfterFunc(time.Second, cancel)
		_, err = l.wait(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}
