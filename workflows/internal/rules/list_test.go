package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func TestAppendedKeepsTheNewestAndLeavesTheListAlone(t *testing.T) {
	t.Parallel()
	var list []int
	for i := range 10 {
		before := slices.Clone(list)
		next := rules.Appended(list, i, 3)
		require.Equal(t, before, slices.Clone(list))
		require.LessOrEqual(t, len(next), 3)
		require.Equal(t, i, next[len(next)-1])
		list = next
	}
	require.Equal(t, []int{7, 8, 9}, list)
	require.Equal(t, []int{5}, rules.Appended([]int{1, 2, 3, 4}, 5, 1))

	// Two continuations of one list must not share an array.
	roomy := append(make([]int, 0, 8), 1, 2)
	first := rules.Appended(roomy, 3, 8)
	second := rules.Appended(roomy, 4, 8)
	require.Equal(t, []int{1, 2, 3}, first)
	require.Equal(t, []int{1, 2, 4}, second)
}

func TestSeenIsAWindowOfTheNewestKeys(t *testing.T) {
	t.Parallel()
	var seen rules.Seen
	require.False(t, seen.Has("a"))
	for i := range 10 {
		key := fmt.Sprint("key", i)
		before := slices.Clone(seen)
		next := seen.With(key, 4)
		require.True(t, next.Has(key))
		require.Equal(t, before, slices.Clone(seen), "the window that was given is left alone")
		require.LessOrEqual(t, len(next), 4)
		seen = next
	}
	for i := range 10 {
		require.Equal(t, i >= 6, seen.Has(fmt.Sprint("key", i)), i)
	}
	require.Equal(t, seen, seen.With("key7", 4), "a key that is in stays where it is")
	require.Equal(t, seen, seen.With("", 4))
	require.False(t, seen.Has(""), "an empty key is never seen")

	long := rules.Seen{}.With(strings.Repeat("a", 10_000), 4)
	require.Len(t, long[0], 16, "the length of a key does not count")
	require.True(t, long.Has(strings.Repeat("a", 10_000)))
	require.False(t, long.Has(strings.Repeat("a", 9_999)))
}
