package ratelimit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALimiterRemembersABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := New[int](func() time.Time { return now }, 2, 1)
	for n := range 3 * maxBuckets {
		require.True(t, l.Allow(n))
		require.LessOrEqual(t, len(l.buckets), maxBuckets)
	}
	for n := 3 * maxBuckets; len(l.buckets) < maxBuckets; n++ {
		l.Allow(n)
	}
	now = now.Add(time.Hour)
	l.Allow(-1)
	require.Len(t, l.buckets, 1, "full buckets are forgotten first")
}

func TestALimiterGivesBackWhatItAllowedButNoMore(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := New[string](func() time.Time { return now }, 2, 0.001)
	for range 10 {
		require.True(t, l.Allow("a"))
		l.GiveBack("a")
	}
	for range 10 {
		l.GiveBack("a")
		l.GiveBack("b")
	}
	require.True(t, l.Allow("a"))
	require.True(t, l.Allow("a"))
	require.False(t, l.Allow("a"), "a bucket holds no more than its burst")
	require.True(t, l.Allow("b"), "another key has its own")
	now = now.Add(1000 * time.Second)
	require.True(t, l.Allow("a"), "a token comes back with time")
	require.False(t, l.Allow("a"))
}
