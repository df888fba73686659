package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

var (
	away = rules.Failure{Message: "Temporal is away"}
	bad  = rules.Failure{Type: workflows.ErrTypeNoticeInvalid, Message: "invalid"}
)

const source = "offload-case/vendor_2048"

func add(o rules.Outbox, subjects ...string) rules.Outbox {
	for _, subject := range subjects {
		o = o.Add(workflows.PostedNotice{Notice: workflows.Notice{Source: source, Kind: workflows.NoticeCaseInputNeeded, Time: t0}, Notify: []string{"finance"}}, subject)
	}
	return o
}

func seqs(list []workflows.PostedNotice) []int64 {
	var out []int64
	for _, n := range list {
		out = append(out, n.Seq)
	}
	return out
}

func TestPostedNoticesWaitInOrder(t *testing.T) {
	t.Parallel()
	o := add(rules.Outbox{}, "q1", "q2")
	require.Equal(t, []int64{1, 2}, seqs(o.Due(t0)))
	require.Equal(t, []string{"finance"}, o.Waiting[0].Notify)
	require.Equal(t, rules.NoticeID(source, workflows.NoticeCaseInputNeeded, "q1"), o.Waiting[0].ID)

	rest := o.Remove(o.Due(t0)[:1])
	require.Equal(t, []int64{2}, seqs(rest.Waiting))
	require.Equal(t, []int64{1, 2}, seqs(o.Waiting), "the outbox that was given is left alone")
	require.Equal(t, int64(3), add(rest.Remove(rest.Waiting), "q3").Waiting[0].Seq, "numbers go on after the outbox was empty")
}

func TestANoticesIDDependsOnSourceKindAndSubject(t *testing.T) {
	t.Parallel()
	id := rules.NoticeID(source, workflows.NoticeCaseInputNeeded, "q1")
	require.Equal(t, id, rules.NoticeID(source, workflows.NoticeCaseInputNeeded, "q1"))
	require.NotContains(t, id, ".")
	require.Regexp(t, `^ntc_[A-Za-z0-9_-]{22}$`, id)
	for _, other := range []string{
		rules.NoticeID(source+"x", workflows.NoticeCaseInputNeeded, "q1"),
		rules.NoticeID(source, workflows.NoticeCaseAttention, "q1"),
		rules.NoticeID(source, workflows.NoticeCaseInputNeeded, "q2"),
	} {
		require.NotEqual(t, id, other)
	}
}

func TestANewSubjectIsThatOfNoOtherNotice(t *testing.T) {
	t.Parallel()
	one, two := add(rules.Outbox{}, "q1"), add(rules.Outbox{}, "q1", "q2")
	subjects := map[string]bool{}
	for _, o := range []rules.Outbox{{}, one, two} {
		subjects[o.NewSubject(t0)] = true
		subjects[o.NewSubject(t0.Add(1))] = true // the same notice of a run that was reset
	}
	require.Len(t, subjects, 6)
	require.Equal(t, "3 "+t0.Format(time.RFC3339Nano), two.NewSubject(t0))
}

func TestAHandOffTakesFiftyNotices(t *testing.T) {
	t.Parallel()
	o := rules.Outbox{}
	for i := range 120 {
		o = add(o, fmt.Sprint(i))
	}
	for _, want := range []int{50, 50, 20, 0} {
		due := o.Due(t0)
		require.Len(t, due, want)
		o = o.Remove(due)
	}
}

func TestAFailedHandOffIsRetriedAfterLongerPausesWithoutLimit(t *testing.T) {
	t.Parallel()
	o := add(rules.Outbox{}, "q1")
	now := t0
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300} {
		o = o.Failed(o.Due(now), away, now)
		require.Equal(t, i+1, o.Attempts)
		require.Equal(t, now.Add(want*time.Second), o.NotBefore)
		require.Empty(t, o.Due(o.NotBefore.Add(-1)))
		require.Len(t, o.Due(o.NotBefore), 1)
		now = o.NotBefore
	}
	for range 100 {
		o = o.Failed(o.Due(o.NotBefore), away, o.NotBefore)
	}
	require.False(t, o.Refused())
	require.Len(t, o.Waiting, 1)
	o = o.Remove(o.Due(o.NotBefore))
	require.Equal(t, rules.Outbox{Seq: 1, Waiting: o.Waiting}, o, "the next failure begins with a short pause again")
	require.Empty(t, o.Waiting)
}

func TestHandOffsThatFailForMinutesSayWhy(t *testing.T) {
	t.Parallel()
	o, now := add(rules.Outbox{}, "q1"), t0
	denied := rules.Failure{Message: "permission `denied`\nby Temporal"}
	var failedAt time.Time
	for !o.Delayed() {
		require.Empty(t, o.Trouble())
		o = o.Failed(o.Due(now), denied, now)
		failedAt, now = now, o.NotBefore
	}
	require.Equal(t, 127*time.Second, failedAt.Sub(t0), "at the eighth failure: a short outage is no reason to look")
	require.Contains(t, o.Trouble(), "The last error: `` permission `denied` by Temporal ``.")
	require.Len(t, o.Due(now), 1, "it goes on")
	o = o.Remove(o.Due(now))
	require.False(t, o.Delayed())
	require.Empty(t, o.Trouble())

	o = add(rules.Outbox{}, "q1").Failed(nil, rules.Failure{Message: strings.Repeat("<", 10_000)}, t0)
	require.LessOrEqual(t, workflows.JSONLen(o.LastError), workflows.MaxShortTextBytes)
}

func TestARefusedNoticeIsDroppedAndRaisesAttention(t *testing.T) {
	t.Parallel()
	o := add(rules.Outbox{}, "q1", "q2")
	sent := o.Due(t0)
	o = add(o, "q3").Failed(sent, bad, t0)
	require.True(t, o.Refused())
	require.Equal(t, []int64{3}, seqs(o.Due(t0)), "what came meanwhile goes on at once")
	require.True(t, o.Remove(o.Waiting).Refused(), "a person should still look")
}

func TestARefusalIsOldAfterSevenDays(t *testing.T) {
	t.Parallel()
	require.Zero(t, rules.Outbox{}.RefusedUntil())
	o := add(rules.Outbox{}, "q1").Failed(nil, bad, t0)
	until := t0.Add(7 * 24 * time.Hour)
	require.Equal(t, until, o.RefusedUntil())
	require.True(t, o.Tick(until.Add(-1)).Refused())
	require.False(t, o.Tick(until).Refused())
	require.Zero(t, o.Tick(until).RefusedUntil())

	o = o.Failed(nil, bad, t0.Add(time.Hour))
	require.True(t, o.Tick(until).Refused(), "the last refusal counts")
}

func TestTooManyWaitingNoticesDropTheOldestAndRaiseAttention(t *testing.T) {
	t.Parallel()
	o := rules.Outbox{}
	for i := range 1500 {
		o = add(o, fmt.Sprint(i))
	}
	require.False(t, o.Refused())
	require.Len(t, o.Waiting, 1500)
	o = add(o, "one more")
	require.True(t, o.Refused())
	require.Len(t, o.Waiting, 1500)
	require.Equal(t, int64(2), o.Waiting[0].Seq)
	require.Equal(t, int64(1501), o.Waiting[1499].Seq)
}
