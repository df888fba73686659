package lifecycle_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

func TestEachTargetGetsItsNoticesInOrderAndOneAtATime(t *testing.T) {
	t.Parallel()
	s := received(notice(3, app), notice(1, app), notice(2, finance), notice(4, app))
	require.Equal(t, []string{"app 1", "finance 2"}, toDeliver(s, t0))

	s = lifecycle.Delivered(s, key(notice(1, app)), tries(1), after(1))
	require.Equal(t, []string{"app 3", "finance 2"}, toDeliver(s, after(1)))
	s = lifecycle.Delivered(s, key(notice(3, app)), tries(1), after(1))
	require.Equal(t, []string{"finance 2", "app 4"}, toDeliver(s, after(1)))
	s = lifecycle.Delivered(s, key(notice(2, finance)), tries(1), after(1))
	s = lifecycle.Delivered(s, key(notice(4, app)), tries(1), after(1))
	require.Empty(t, toDeliver(s, after(1)))
}

func TestTheSameWorkflowByAnotherSignalIsAnotherTarget(t *testing.T) {
	t.Parallel()
	other := workflows.Target{WorkflowID: app.WorkflowID, Signal: "other"}
	require.Equal(t, []string{"app 1", "app 2"}, toDeliver(received(notice(1, app), notice(2, other)), t0))
}

func TestAnyOrderOfArrivalIsDeliveredInOrderOfSeq(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var list []workflows.AddressedNotice
		for seq := range int64(20) {
			list = append(list, notice(seq+1, []workflows.Target{app, finance}[random.IntN(2)]))
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		s := received(list...)
		delivered := map[workflows.Target][]int64{}
		for steps := 0; ; steps++ {
			require.LessOrEqual(t, steps, 20)
			fx := lifecycle.Next(s, t0)
			if len(fx.Deliver) == 0 {
				break
			}
			d := fx.Deliver[random.IntN(len(fx.Deliver))]
			delivered[d.To] = append(delivered[d.To], d.Notice.Seq)
			s = lifecycle.Delivered(s, lifecycle.Key{ID: d.Notice.ID, To: d.To}, tries(1), t0)
		}
		require.Len(t, slices.Concat(delivered[app], delivered[finance]), 20)
		require.IsIncreasing(t, delivered[app])
		require.IsIncreasing(t, delivered[finance])
	}
}

func TestARepetitionIsDroppedInEveryStatusOfTheNotice(t *testing.T) {
	t.Parallel()
	one := notice(1, app)
	again := func(s lifecycle.State) lifecycle.State {
		return lifecycle.Receive(s, []workflows.AddressedNotice{one, one}, after(5))
	}
	waiting := received(one)
	delivered := lifecycle.Delivered(waiting, key(one), tries(1), after(1))
	givenUp := down(waiting, one, after(1))
	dismissed, _, err := lifecycle.Dismiss(givenUp, workflows.SelectNotices{}, after(2))
	require.NoError(t, err)
	for name, s := range map[string]lifecycle.State{"waiting": waiting, "delivered": delivered, "given up": givenUp, "dismissed": dismissed} {
		require.Equal(t, s, again(s), name)
	}
	both := lifecycle.Receive(delivered, []workflows.AddressedNotice{notice(1, finance)}, after(5))
	require.Equal(t, []string{"finance 1"}, toDeliver(both, after(5)), "the same notice for another target is none")
}

func TestARepetitionIsDroppedLongAfterItsRecordIsGone(t *testing.T) {
	t.Parallel()
	s := begun()
	for seq := range int64(1999) {
		n := notice(seq+1, app)
		s = lifecycle.Receive(s, []workflows.AddressedNotice{n}, t0)
		s = lifecycle.Delivered(s, key(n), tries(1), t0)
	}
	require.Len(t, s.Notices, workflows.MaxDoneNotices)
	require.Equal(t, int64(1999), s.Notices[workflows.MaxDoneNotices-1].Seq, "the newest are listed")
	require.Equal(t, s, lifecycle.Receive(s, []workflows.AddressedNotice{notice(1, app)}, t0))
}

func TestARepetitionOfAHeldNoticeIsDroppedBeyondTheWindow(t *testing.T) {
	t.Parallel()
	s := down(received(notice(1, app)), notice(1, app), after(1))
	s.Seen = nil
	require.Equal(t, s.Notices, lifecycle.Receive(s, []workflows.AddressedNotice{notice(1, app)}, after(2)).Notices)
}

func TestADeliveryIsTriedForThreeDaysFromTheNoticesTimeAndAtLeastAMinute(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made time.Time
		now  time.Time
		want time.Duration
	}{
		"new":                       {t0, t0, 72 * time.Hour},
		"a day old":                 {t0.Add(-24 * time.Hour), t0, 48 * time.Hour},
		"a month old":               {t0.Add(-30 * 24 * time.Hour), t0, time.Minute},
		"just over":                 {t0.Add(-72 * time.Hour), t0, time.Minute},
		"from the future":           {t0.Add(24 * time.Hour), t0, 72 * time.Hour},
		"without a time":            {time.Time{}, t0, 72 * time.Hour},
		"at the end of all times":   {time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), t0, 72 * time.Hour},
		"after waiting for an hour": {t0, t0.Add(time.Hour), 71 * time.Hour},
	} {
		n := notice(1, app)
		n.Time = c.made
		require.Equal(t, c.want, lifecycle.Next(received(n), c.now).Deliver[0].Within, name)
	}
}

func TestAGivenUpNoticeStaysAndTheNextIsDelivered(t *testing.T) {
	t.Parallel()
	s := received(notice(1, app), notice(2, app))
	s = down(s, notice(1, app), after(3))
	require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 WAITING"}, statuses(s))
	require.Equal(t, []string{"app 2"}, toDeliver(s, after(3)))
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, lifecycle.Attention(s))
	require.Equal(t, after(3), lifecycle.DueAt(s))

	s = lifecycle.Delivered(s, key(notice(2, app)), tries(1), after(4))
	fx := lifecycle.Next(s, after(60*24*365))
	require.False(t, fx.Done, "it waits for a person")
	require.Zero(t, fx.Wake)
}

func TestALateResultChangesNothing(t *testing.T) {
	t.Parallel()
	s := lifecycle.Delivered(received(notice(1, app)), key(notice(1, app)), tries(2), after(1))
	require.Equal(t, s, down(s, notice(1, app), after(2)))
	require.Equal(t, s, lifecycle.Delivered(s, key(notice(1, app)), tries(1), after(2)))
	require.Equal(t, s, lifecycle.Delivered(s, key(notice(9, app)), tries(1), after(2)), "unknown")
	require.False(t, lifecycle.Waits(s, key(notice(1, app))))
	require.False(t, lifecycle.Waits(s, key(notice(9, app))))
	require.True(t, lifecycle.Waits(received(notice(1, app)), key(notice(1, app))))
}

func TestItLingersTenMinutesAfterTheLastDelivery(t *testing.T) {
	t.Parallel()
	s := begun()
	require.Equal(t, lifecycle.Effects{Wake: after(10)}, lifecycle.Next(s, t0), "nothing came")

	s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(1, app)}, after(9))
	require.Zero(t, lifecycle.Next(s, after(20)).Wake, "it waits for the delivery")
	s = lifecycle.Delivered(s, key(notice(1, app)), tries(1), after(30))
	require.Equal(t, lifecycle.Effects{Wake: after(40)}, lifecycle.Next(s, after(40).Add(-1)))
	require.Equal(t, lifecycle.Effects{Done: true}, lifecycle.Next(s, after(40)))

	s = down(lifecycle.Receive(s, []workflows.AddressedNotice{notice(2, app)}, after(35)), notice(2, app), after(36))
	s, _, err := lifecycle.Dismiss(s, workflows.SelectNotices{}, after(50))
	require.NoError(t, err)
	require.Equal(t, lifecycle.Effects{Wake: after(60)}, lifecycle.Next(s, after(50)))
}

func TestACancelledWorkflowDismissesItsNoticesAndEnds(t *testing.T) {
	t.Parallel()
	s := down(received(notice(1, app), notice(2, app), notice(3, finance)), notice(1, app), after(1))
	s = lifecycle.Delivered(s, key(notice(3, finance)), tries(1), after(1))
	s.Forgotten = 2
	s = lifecycle.Cancel(s, after(2))
	require.Equal(t, []string{"app 1 DISMISSED", "app 2 DISMISSED", "finance 3 DELIVERED"}, statuses(s))
	require.Contains(t, s.Notices[1].LastError, "cancelled")
	require.Empty(t, s.Notices[2].LastError)
	require.Equal(t, lifecycle.Effects{Done: true}, lifecycle.Next(s, after(2)))

	s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(4, app)}, after(2))
	require.Equal(t, []string{"app 4"}, toDeliver(s, after(2)), "what crosses the cancellation is delivered")
}

func TestOnlyNewlySettledNoticesAreReported(t *testing.T) {
	t.Parallel()
	before := down(received(notice(1, app), notice(2, app), notice(3, finance)), notice(1, app), after(1))
	after := lifecycle.Delivered(before, key(notice(2, app)), tries(4), after(2))
	settled := lifecycle.Settled(before, after)
	require.Len(t, settled, 1)
	require.Equal(t, "ntc_2", settled[0].ID)
	require.Equal(t, workflows.NoticeDelivered, settled[0].Status)
	require.Equal(t, 4, settled[0].Attempts)
	require.Empty(t, lifecycle.Settled(after, after))
}

// A rule never writes into the state that it gets.
func TestRulesNeverChangeTheirArgument(t *testing.T) {
	t.Parallel()
	make2 := func() lifecycle.State {
		s := down(received(notice(1, app), notice(2, app), notice(3, finance), sized(4, app, 700<<10)), notice(1, app), after(1))
		return lifecycle.Delivered(s, key(notice(3, finance)), tries(1), after(1))
	}
	for name, change := range map[string]func(lifecycle.State){
		"receive": func(s lifecycle.State) {
			lifecycle.Receive(s, []workflows.AddressedNotice{sized(5, app, 700<<10), sized(6, finance, 700<<10)}, after(2))
		},
		"delivered": func(s lifecycle.State) { lifecycle.Delivered(s, key(notice(2, app)), tries(1), after(2)) },
		"failed": func(s lifecycle.State) {
			lifecycle.Failed(s, key(notice(2, app)), rules.Failure{Message: "gone"}, tries(1), after(2))
		},
		"resend":  func(s lifecycle.State) { _, _, _ = lifecycle.Resend(s, workflows.SelectNotices{}, after(2)) },
		"dismiss": func(s lifecycle.State) { _, _, _ = lifecycle.Dismiss(s, workflows.SelectNotices{}, after(2)) },
		"cancel":  func(s lifecycle.State) { lifecycle.Cancel(s, after(2)) },
		"next":    func(s lifecycle.State) { lifecycle.Next(s, after(2)) },
	} {
		s := make2()
		change(s)
		require.Equal(t, make2(), s, name)
	}
}
