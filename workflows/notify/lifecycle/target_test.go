package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

var (
	hook  = workflows.Target{Callback: "finance"}
	agent = workflows.Target{HandOver: true}
)

func forAll(seq int64, bytes int, to ...workflows.Target) workflows.AddressedNotice {
	n := sized(seq, app, bytes)
	n.To = to
	return n
}

func TestEachKindOfTargetGetsTheWholeNotice(t *testing.T) {
	t.Parallel()
	n := forAll(1, 60, app, hook, agent, workflows.Target{Callback: "audit"})
	s := received(n)
	var got []workflows.Target
	for _, d := range lifecycle.Next(s, t0).Deliver {
		require.Equal(t, n.Notice, d.Notice)
		got = append(got, d.To)
	}
	require.Equal(t, n.To, got)
	require.Len(t, s.Bodies, 1, "the data is held once")
	require.Equal(t, s, lifecycle.Receive(s, []workflows.AddressedNotice{n}, t0), "a repetition for all of them")

	s = lifecycle.Receive(s, []workflows.AddressedNotice{forAll(1, 60, hook, workflows.Target{Callback: "new"})}, t0)
	require.Len(t, lifecycle.Next(s, t0).Deliver, 5, "one more target of a known notice")
}

func TestTheDataStaysUntilTheLastTargetHasIt(t *testing.T) {
	t.Parallel()
	s := received(forAll(1, 60, app, hook))
	s = lifecycle.Delivered(s, lifecycle.Key{ID: "ntc_1", To: app}, tries(1), after(1))
	require.NotNil(t, lifecycle.Next(s, after(1)).Deliver[0].Notice.Data.Question)
	s = lifecycle.Delivered(s, lifecycle.Key{ID: "ntc_1", To: hook}, tries(1), after(1))
	require.Empty(t, s.Bodies)
}

func TestALargeNoticeForManyTargetsCountsOnce(t *testing.T) {
	t.Parallel()
	var to []workflows.Target
	for i := range workflows.MaxNotify {
		to = append(to, workflows.Target{Callback: fmt.Sprint("c", i)})
	}
	s := received(forAll(1, 700<<10, append(to, app, agent)...))
	require.Len(t, lifecycle.Next(s, t0).Deliver, workflows.MaxNotify+2)
	requireFits(t, s)
	for _, d := range lifecycle.Next(s, t0).Deliver {
		s = lifecycle.Failed(s, lifecycle.Key{ID: "ntc_1", To: d.To}, rules.Failure{Message: "away"}, tries(1), after(1))
	}
	s, selected, err := lifecycle.Resend(s, workflows.SelectNotices{}, after(2))
	require.NoError(t, err)
	require.Equal(t, workflows.MaxNotify+2, selected.Notices, "all may wait again")
	requireWithinLimits(t, s)
}

func keyOf(seq int64, to workflows.Target) lifecycle.Key {
	return lifecycle.Key{ID: fmt.Sprint("ntc_", seq), To: to}
}

func gone(s lifecycle.State, seq int64, to workflows.Target, now time.Time) lifecycle.State {
	failure := rules.Failure{Type: workflows.ErrTypeNoticeTargetGone, Message: "it answered 410"}
	return lifecycle.Failed(s, keyOf(seq, to), failure, tries(1), now)
}

func TestATargetThatIsGoneGetsNoNoticesUntilAPersonResends(t *testing.T) {
	t.Parallel()
	s := received(forAll(1, 60, hook, app), forAll(2, 60, hook, app), forAll(3, 60, hook))
	s = gone(s, 1, hook, after(1))
	require.Equal(t, []string{"app 1"}, toDeliver(s, after(1)), "the others go on")
	s = lifecycle.Receive(s, []workflows.AddressedNotice{forAll(4, 60, hook, app)}, after(2))
	givenUp := 0
	for _, n := range s.Notices {
		if n.To == hook {
			givenUp++
			require.Equal(t, workflows.NoticeGivenUp, n.Status)
			require.Equal(t, "it answered 410", n.LastError)
			require.False(t, n.NoData, "it can be sent again")
		}
	}
	require.Equal(t, 4, givenUp)
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, lifecycle.Attention(s))

	// A person who dismissed them has decided nothing about the next notice: the target still wants none, for thirty idle days.
	dismissed, _, err := lifecycle.Dismiss(lifecycle.Delivered(lifecycle.Delivered(lifecycle.Delivered(s, keyOf(1, app), tries(1), after(2)),
		keyOf(2, app), tries(1), after(2)), keyOf(4, app), tries(1), after(2)), workflows.SelectNotices{}, after(3))
	require.NoError(t, err)
	later := after(3).Add(workflows.NotifyGoneLinger)
	require.Equal(t, lifecycle.Effects{Wake: later}, lifecycle.Next(dismissed, after(3+24*60)))
	require.Equal(t, lifecycle.Effects{Done: true}, lifecycle.Next(dismissed, later))
	dismissed = lifecycle.Receive(dismissed, []workflows.AddressedNotice{forAll(9, 60, hook)}, later.Add(-time.Hour))
	require.Empty(t, lifecycle.Next(dismissed, later).Deliver)
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, lifecycle.Attention(dismissed), "but a person sees it")

	s, selected, err := lifecycle.Resend(s, ids("ntc_2"), after(3))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Empty(t, s.Gone)
	s = lifecycle.Receive(s, []workflows.AddressedNotice{forAll(5, 60, hook)}, after(4))
	require.Equal(t, workflows.NoticeWaiting, s.Notices[len(s.Notices)-1].Status)
}

func TestAnEndedReceiverLosesOnlyItsNotice(t *testing.T) {
	t.Parallel()
	s := received(notice(1, app), notice(2, app))
	failure := rules.Failure{Type: workflows.ErrTypeNoticeReceiverEnded, Message: "the receiver has ended"}
	s = lifecycle.Failed(s, key(notice(1, app)), failure, tries(1), after(1))
	require.Equal(t, []string{"app 2"}, toDeliver(s, after(1)), "it may run again under the same ID")
}

func TestTheNewestAttemptsAreListed(t *testing.T) {
	t.Parallel()
	delivery := func(from, to int) workflows.NoticeDelivery {
		d := workflows.NoticeDelivery{Attempts: to}
		for i := from; i <= to; i++ {
			d.Log = append(d.Log, workflows.NoticeAttempt{At: after(i), Status: 500 + i, Error: "it answered"})
		}
		return d
	}
	s := received(forAll(1, 60, hook))
	key := lifecycle.Key{ID: "ntc_1", To: hook}
	s = lifecycle.Failed(s, key, rules.Failure{Message: "it answered 580"}, delivery(71, 80), after(100))
	record := lifecycle.View(s).Notices[0]
	require.Equal(t, 80, record.Attempts)
	require.Equal(t, delivery(71, 80).Log, record.Log)

	s, _, err := lifecycle.Resend(s, ids("ntc_1"), after(100))
	require.NoError(t, err)
	s = lifecycle.Delivered(s, key, workflows.NoticeDelivery{Attempts: 2, Log: []workflows.NoticeAttempt{{At: after(101), Status: 503}, {At: after(102), Status: 204}}}, after(102))
	record = lifecycle.View(s).Notices[0]
	require.Equal(t, 82, record.Attempts)
	require.Len(t, record.Log, workflows.MaxNoticeAttempts)
	require.Equal(t, 573, record.Log[0].Status)
	require.Equal(t, 204, record.Log[9].Status)
}

func TestNoticesGivenUpSinceATimeAreResentOrDismissed(t *testing.T) {
	t.Parallel()
	three := func() lifecycle.State {
		s := begun()
		for seq := int64(1); seq <= 3; seq++ {
			n := notice(seq, app)
			s = down(lifecycle.Receive(s, []workflows.AddressedNotice{n}, n.Time), n, n.Time.Add(workflows.NoticeDeliveryTime+time.Duration(seq)*time.Minute))
		}
		s.Forgotten = 2
		return s
	}
	since := func(minute int) workflows.SelectNotices {
		return workflows.SelectNotices{Since: t0.Add(workflows.NoticeDeliveryTime + time.Duration(minute)*time.Minute)}
	}
	s, selected, err := lifecycle.Resend(three(), since(2), after(20))
	require.NoError(t, err)
	require.Equal(t, 2, selected.Notices)
	require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 WAITING", "app 3 WAITING"}, statuses(s))

	s, selected, err = lifecycle.Dismiss(three(), since(3), after(20))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Equal(t, 2, s.Forgotten, "nothing is known of their times")
	require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 GIVEN_UP", "app 3 DISMISSED"}, statuses(s))

	for _, check := range []func(lifecycle.State, workflows.SelectNotices) error{lifecycle.CheckResend, lifecycle.CheckDismiss} {
		requireRefusal(t, workflows.ErrTypeNotGivenUp, check(three(), since(4)), "no notice was given up since 2026-03-24T12:04:00Z")
		both := ids("ntc_1")
		both.Since = after(1)
		requireRefusal(t, workflows.ErrTypeInvalidArgument, check(three(), both), "ids and since", "only one")
		requireRefusal(t, workflows.ErrTypeInvalidArgument, check(three(), workflows.SelectNotices{Since: workflows.MaxTime.AddDate(1, 0, 0)}), "since")
	}
}

// A callback that is down, with 3,000 notices: the state stays within its limits, and every notice is listed or counted.
func TestThousandsOfNoticesForOneTargetAreBounded(t *testing.T) {
	t.Parallel()
	s := begun()
	const most = 3_000
	for seq := int64(1); seq <= most; {
		var list []workflows.AddressedNotice
		for range 50 {
			list = append(list, forAll(seq, 60, hook))
			seq++
		}
		s = lifecycle.Receive(s, list, t0)
	}
	requireFits(t, s)
	requireWithinLimits(t, s)
	require.Equal(t, most, len(s.Notices)+s.Forgotten)
	delivered := 0
	last := int64(0)
	for wanted := lifecycle.Next(s, t0).Deliver; len(wanted) > 0; wanted = lifecycle.Next(s, t0).Deliver {
		d := wanted[0]
		require.Greater(t, d.Notice.Seq, last, "in order")
		last = d.Notice.Seq
		s = lifecycle.Delivered(s, lifecycle.Key{ID: d.Notice.ID, To: d.To}, tries(1), t0)
		delivered++
	}
	require.Greater(t, delivered, 500, "the oldest are kept and delivered")
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, lifecycle.Attention(s))
	require.Contains(t, lifecycle.WaitingFor(s), fmt.Sprintf("%d notices that", most-delivered))
}
