package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestTheEventThatWasAcceptedLastIsRemembered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := rules.LastApplied(nil, now.Add(-time.Minute), now)
	require.Equal(t, &workflows.AppliedEvent{AcceptedAt: now.Add(-time.Minute), AppliedAt: now}, first)
	for name, c := range map[string]struct {
		acceptedAt time.Time
		counts     bool
	}{
		"later":                              {now.Add(-time.Second), true},
		"by a clock that is ahead":           {now.Add(30 * time.Second), true},
		"earlier, after an outage or replay": {now.Add(-time.Hour), false},
		"of the same time":                   {now.Add(-time.Minute), false},
		"without a time":                     {time.Time{}, false},
		"from the future":                    {now.Add(time.Hour), false},
	} {
		next := rules.LastApplied(first, c.acceptedAt, now)
		require.Equal(t, c.counts, next != first, name)
		if c.counts {
			require.Equal(t, c.acceptedAt, next.AcceptedAt, name)
		}
	}
}
