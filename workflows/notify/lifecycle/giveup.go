package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// giveUpAt returns when the delivery of a notice is given up: three days (workflows.NoticeDeliveryTime) after it was made.
func giveUpAt(n Notice, now time.Time) time.Time {
	return rules.EventTime(n.Time, now).Add(workflows.NoticeDeliveryTime)
}

// giveUp ends the delivery of a notice that did not succeed. A person has to resend or dismiss it: until then Attention, in attention.go, shows it.
func giveUp(n Notice, why string, now time.Time) Notice {
	n.Status, n.SettledAt, n.LastError = workflows.NoticeGivenUp, now, workflows.Clip(why, maxErrorBytes)
	return n
}

// Failed applies a failed delivery: its time is over (see giveUpAt), or the error is final. If the target wants no more notices, all others that
// wait for it are given up too, and so is each later one: a callback says that with 410 (classify in activities/notice/retry.go).
func Failed(s State, key Key, failure rules.Failure, delivery workflows.NoticeDelivery, now time.Time) State {
	before := s
	s = s.settle(key, now, func(n Notice) Notice { return giveUp(n.attempted(delivery), failure.Message, now) })
	if failure.Type != workflows.ErrTypeNoticeTargetGone || !Waits(before, key) {
		return s
	}
	why := workflows.Clip(failure.Message, maxErrorBytes)
	s.Gone = rules.Appended(s.Gone, Gone{To: key.To, Why: why}, maxGone)
	for i, n := range s.Notices {
		if n.is(workflows.NoticeWaiting) && n.To == key.To {
			s.Notices[i] = giveUp(n, why, now)
		}
	}
	return fit(s)
}

// refusedBecause returns why a notice that comes now is given up at once: its target wants no more notices, or notices wait for too many other
// targets. It returns an empty text if the notice may wait.
func (s State) refusedBecause(waiting *waitingCounts, to workflows.Target) string {
	why := s.goneBecause(to)
	if why == "" && waiting.others(to) >= workflows.MaxNoticeTargets {
		why = fmt.Sprintf("notices wait for %d other targets, and no more are allowed", workflows.MaxNoticeTargets)
	}
	return why
}

// goneBecause returns why the target wants no more notices; empty if it does want them.
func (s State) goneBecause(to workflows.Target) string {
	if i := slices.IndexFunc(s.Gone, func(g Gone) bool { return g.To == to }); i >= 0 {
		return s.Gone[i].Why
	}
	return ""
}

// giveUpSurplus gives up notices while too many bytes wait, for all targets together. came is the position of the notice that has just come. It
// writes into s.Notices and waiting.
func (s State) giveUpSurplus(waiting *waitingCounts, came int, now time.Time) State {
	for s.Notices[came].is(workflows.NoticeWaiting) && waiting.bytes > workflows.MaxWaitingNoticeBytes {
		i := waiting.surplus(s, came)
		waiting.remove(s, i)
		s.Notices[i] = giveUp(s.Notices[i].withoutData(), "too many bytes wait for all targets together", now)
	}
	return s
}

// surplus returns the notice to give up if too many bytes wait: the newest notice of the target with the most bytes, so that a target
// that is down costs other targets nothing. The first notice of a target is spared, because its delivery may be running, unless it has
// just come, at position came.
func (w *waitingCounts) surplus(s State, came int) int {
	surplus, most := came, w.targets[s.Notices[came].To].bytes
	for i := range s.Notices {
		n := &s.Notices[i]
		if !n.is(workflows.NoticeWaiting) {
			continue
		}
		t := w.targets[n.To]
		if i != t.head && cmp.Or(cmp.Compare(t.bytes, most), cmp.Compare(n.Seq, s.Notices[surplus].Seq)) > 0 {
			surplus, most = i, t.bytes
		}
	}
	return surplus
}
