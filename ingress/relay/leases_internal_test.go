package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func TestALeaseIsTrustedUntilASignalCouldOutlastIt(t *testing.T) {
	t.Parallel()
	l := newLeases(15*time.Second, 3*time.Second)
	require.False(t, l.trust("a", at(0)), "never claimed")
	require.True(t, l.add("a", 1, at(0)))
	require.True(t, l.trust("a", at(10)))
	require.False(t, l.trust("a", at(11)))
	require.Empty(t, l.due(at(4)))
	require.Equal(t, map[string]int64{"a": 1}, l.due(at(14)))
	require.Empty(t, l.due(at(15)), "another relay may have it")
	l.renewed(map[string]int64{"a": 1, "unknown": 2}, []string{"a", "unknown"}, at(14))
	require.True(t, l.trust("a", at(24)))
	l.renewed(map[string]int64{"a": 1}, []string{"a"}, at(10))
	require.True(t, l.trust("a", at(24)), "a renewal never shortens it")
	l.renewed(map[string]int64{"a": 2}, nil, at(20))
	require.True(t, l.trust("a", at(24)), "the renewal was for another claim")
}

func TestALaneThatIsBeingSentIsNotHandledASecondTime(t *testing.T) {
	t.Parallel()
	l := newLeases(15*time.Second, 3*time.Second)
	require.True(t, l.add("a", 1, at(0)))
	require.False(t, l.add("a", 2, at(20)), "its lease has ended, and the same relay claimed it again")
	require.True(t, l.trust("a", at(21)), "the handling goes on under the new claim")
	require.EqualValues(t, 2, l.settling("a"))
	require.True(t, l.add("a", 3, at(30)), "the settlement ended the old claim")
	l.settled(map[string]int64{"a": 2})
	require.True(t, l.trust("a", at(31)), "the new claim stays")
	require.EqualValues(t, 3, l.settling("a"))
	l.settled(map[string]int64{"a": 3})
	require.False(t, l.trust("a", at(31)))
}

func TestPausesStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	for range 1000 {
		require.Less(t, uncountedPause(365*24*time.Hour), inbox.MaxWait)
		for attempt := 1; attempt < 100; attempt++ {
			require.Less(t, countedPause(attempt), inbox.MaxWait)
			require.Positive(t, countedPause(attempt))
		}
	}
}
