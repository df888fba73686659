package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimesAreInWordsAsSeenFromNow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	p := process{now: func() time.Time { return now }}
	for from, words := range map[time.Duration]string{
		0:                       "now",
		-500 * time.Millisecond: "now",
		-time.Second:            "1 second ago",
		-3 * time.Minute:        "3 minutes ago",
		2 * time.Hour:           "in 2 hours",
		90 * time.Minute:        "in 1 hour",
		-49 * time.Hour:         "2 days ago",
		40 * 24 * time.Hour:     "in 1 month",
	} {
		require.Equal(t, words, p.when(now.Add(from)))
	}
	require.Empty(t, p.when(time.Time{}))
}

func TestALongTextHasOneLineInATable(t *testing.T) {
	t.Parallel()
	file, terminal := process{}, process{outTerminal: true}
	require.Equal(t, "a b", terminal.clipped(" a\n b\t"))
	require.Equal(t, strings.Repeat("ä", 79)+"…", terminal.clipped(strings.Repeat("ä", 81)))
	require.Equal(t, strings.Repeat("ä", 80), terminal.clipped(strings.Repeat("ä", 80)))
	require.Equal(t, strings.Repeat("ä", 81), file.clipped(strings.Repeat("ä", 81)), "whole where no width limits it")
}
