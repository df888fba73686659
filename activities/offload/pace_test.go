package offload

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func FuzzPausesStayWithinTheirBounds(f *testing.F) {
	f.Add(int64(time.Minute), int64(time.Hour), int32(1), int64(0), int64(0), 0.5)
	f.Add(int64(time.Minute), int64(time.Minute), int32(7), int64(time.Second), int64(time.Hour), 0.999)
	f.Add(int64(0), int64(0), int32(math.MaxInt32), int64(math.MaxInt64), int64(math.MaxInt64), 0.5)
	f.Add(int64(-5), int64(3), int32(0), int64(-1), int64(-1), 0.1)
	f.Add(int64(math.MaxInt64), int64(1), int32(2), int64(math.MinInt64), int64(5), 0.9)
	f.Add(int64(1), int64(math.MaxInt64), int32(math.MaxInt32), int64(3), int64(5), 0.9)
	f.Add(int64(1000), int64(4000), int32(1), int64(0), int64(1600), 0.99) // between two attempts the pause grows past what was asked
	f.Fuzz(func(t *testing.T, floor, ceiling int64, attempt int32, due, retryAfter int64, u float64) {
		if !(u >= 0 && u < 1) {
			t.Skip("not uniform in [0,1)")
		}
		both := reconcilePacing(workflows.Duration(floor), workflows.Duration(ceiling))
		for _, p := range []pace{both.transient, both.needsPerson, callPacing.transient, callPacing.needsPerson} {
			require.Positive(t, p.floor)
			require.LessOrEqual(t, p.floor, p.ceiling)

			read := p.afterRead(attempt, time.Duration(due), u)
			require.GreaterOrEqual(t, read, p.floor)
			require.LessOrEqual(t, read, p.ceiling)
			require.LessOrEqual(t, read, p.afterRead(attempt, 0, u), "a next action only shortens the pause")

			failure := p.afterFailure(attempt, time.Duration(retryAfter), u)
			asked := min(time.Duration(retryAfter), maxRetryAfter)
			require.GreaterOrEqual(t, failure, max(p.floor, asked), "never sooner than asked")
			require.LessOrEqual(t, failure, max(p.ceiling, asked+asked/10+1))

			if attempt < math.MaxInt32 {
				require.LessOrEqual(t, read, p.afterRead(attempt+1, time.Duration(due), u), "pauses grow")
				require.LessOrEqual(t, failure, p.afterFailure(attempt+1, time.Duration(retryAfter), u), "pauses grow")
			}
		}
	})
}

func TestPausesBetweenReadsGrowFromFloorToCeiling(t *testing.T) {
	t.Parallel()
	p := reconcilePacing(0, 0).transient
	var pauses []time.Duration
	for attempt := int32(1); attempt <= 13; attempt++ {
		pauses = append(pauses, p.afterRead(attempt, 0, 0.5).Round(time.Second))
	}
	require.Equal(t, workflows.DefaultPollFloor.Std(), p.afterRead(1, 0, 0))
	require.Equal(t, []time.Duration{
		63 * time.Second, 90 * time.Second, 135 * time.Second, 203 * time.Second, 304 * time.Second, 456 * time.Second, 683 * time.Second,
		1025 * time.Second, 1538 * time.Second, 2307 * time.Second, 3357 * time.Second, 57 * time.Minute, 57 * time.Minute,
	}, pauses)
}

func TestAReadFollowsANextActionWithinThePause(t *testing.T) {
	t.Parallel()
	p := pace{floor: time.Minute, ceiling: time.Hour}
	for due, want := range map[time.Duration]time.Duration{
		-time.Hour:       time.Hour, // overdue: Offload's hourly run will come to it
		0:                time.Hour,
		time.Second:      time.Minute + time.Second,
		20 * time.Minute: 21 * time.Minute,
		72 * time.Hour:   time.Hour,
		math.MaxInt64:    time.Hour, // in the last years that Offload can name
	} {
		require.InDelta(t, want, p.afterRead(100, due, 0.5), float64(want)/19, "%s", due)
	}
}

func TestCallsThatBeganTogetherDriftApart(t *testing.T) {
	t.Parallel()
	for _, p := range []pace{reconcilePacing(0, 0).transient, reconcilePacing(0, 0).needsPerson, callPacing.transient, callPacing.needsPerson} {
		for _, attempt := range []int32{1, 3, 100} {
			require.Less(t, p.afterRead(attempt, 0, 0), p.afterRead(attempt, 0, 0.99), "%v %d", p, attempt)
			require.Less(t, p.afterFailure(attempt, time.Hour, 0), p.afterFailure(attempt, time.Hour, 0.99), "%v %d", p, attempt)
		}
	}
}
