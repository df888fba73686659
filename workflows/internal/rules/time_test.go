package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestDueComesAtItsTimeAndNeverAtZero(t *testing.T) {
	t.Parallel()
	require.False(t, rules.Due(t0, t0.Add(-1)))
	require.True(t, rules.Due(t0, t0))
	require.True(t, rules.Due(t0, t0.Add(1)))
	require.False(t, rules.Due(time.Time{}, t0))
}

func TestSoonerTreatsZeroAsNever(t *testing.T) {
	t.Parallel()
	later := t0.Add(1)
	for _, c := range []struct{ a, b, want time.Time }{
		{t0, later, t0}, {later, t0, t0}, {t0, t0, t0}, {time.Time{}, t0, t0}, {t0, time.Time{}, t0}, {time.Time{}, time.Time{}, time.Time{}},
	} {
		require.Equal(t, c.want, rules.Sooner(c.a, c.b))
	}
}

func TestATimeFromTheFutureCountsAsTheArrival(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ occurred, want time.Time }{
		"before":                {t0.Add(-time.Hour), t0.Add(-time.Hour)},
		"at the arrival":        {t0, t0},
		"a clock that is ahead": {t0.Add(5 * time.Minute), t0.Add(5 * time.Minute)},
		"the future":            {t0.Add(5*time.Minute + 1), t0},
		"in ten years":          {t0.AddDate(10, 0, 0), t0},
		"none":                  {time.Time{}, t0},
	} {
		require.Equal(t, c.want, rules.EventTime(c.occurred, t0), name)
	}
}

func TestAnArrivalIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ received, want time.Time }{
		{t0.Add(-1), t0.Add(-1)}, {t0, t0}, {t0.Add(1), t0}, {time.Time{}, t0},
	} {
		require.Equal(t, c.want, rules.Arrival(c.received, t0))
	}
}

func TestAStampIsUTCToTheSecond(t *testing.T) {
	t.Parallel()
	require.Equal(t, "2026-03-21T12:00:00Z", rules.Stamp(t0.In(time.FixedZone("", 3600)).Add(time.Millisecond)))
}

func TestOnlyAnEndThatWasSeenLateHasAGraceTime(t *testing.T) {
	t.Parallel()
	end := t0.Add(time.Hour)
	late := end.Add(30*time.Second + 1)
	require.Zero(t, rules.GraceUntil(t0, end, end.Add(30*time.Second)), "as late as a timer may be without an outage")
	require.Equal(t, late.Add(2*time.Minute), rules.GraceUntil(t0, end, late))
	require.Zero(t, rules.GraceUntil(end, end, late), "it had ended when it began")
}

func TestPausesDoubleUpToTheLongest(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]time.Duration{0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: time.Minute, 10: time.Minute, 1000: time.Minute} {
		require.Equal(t, want, rules.Backoff(time.Second, time.Minute, n))
	}
}

func TestAWakeUpIsTheFirstTimeThatIsStillToCome(t *testing.T) {
	t.Parallel()
	var w rules.WakeUp
	w.WakeAt(time.Time{}, t0, "never")
	w.WakeAt(t0, t0, "now")
	require.Zero(t, w)
	w.WakeAt(t0.Add(2), t0, "later")
	w.WakeAt(t0.Add(1), t0, "first")
	w.WakeAt(t0.Add(1), t0, "the same time")
	w.WakeAt(t0.Add(3), t0, "last")
	require.Equal(t, rules.WakeUp{Wake: t0.Add(1), WakeFor: "first"}, w)
}
