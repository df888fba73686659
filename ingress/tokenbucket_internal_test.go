package ingress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALimiterRemembersABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := newLimiter[int](func() time.Time { return now }, 2, 1)
	for n := range 3 * maxBuckets {
		require.True(t, l.allow(n))
		require.LessOrEqual(t, len(l.buckets), maxBuckets)
	}
	for n := 3 * maxBuckets; len(l.buckets) < maxBuckets; n++ {
		l.allow(n)
	}
	now = now.Add(time.Hour)
	l.allow(-1)
	require.Len(t, l.buckets, 1, "full buckets are forgotten first")
}

func TestALimiterGivesBackWhatItAllowedButNoMore(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := newLimiter[string](func() time.Time { return now }, 2, 0.001)
	for range 10 {
		require.True(t, l.allow("a"))
		l.giveBack("a")
	}
	for range 10 {
		l.giveBack("a")
		l.giveBack("b")
	}
	require.True(t, l.allow("a"))
	require.True(t, l.allow("a"))
	require.False(t, l.allow("a"), "a bucket holds no more than its burst")
	require.True(t, l.allow("b"), "another key has its own")
	now = now.Add(1000 * time.Second)
	require.True(t, l.allow("a"), "a token comes back with time")
	require.False(t, l.allow("a"))
}
