package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// openApprovalBytes counts the bytes of approvals that must be kept: open ones, and those whose notice waits.
func openApprovalBytes(s *State) int {
	waiting := waitingNotices(s)
	n := 0
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status == workflows.ApprovalOpen || waiting[approval.NoticeID] {
			n += approvalBytes(approval)
		}
	}
	return n
}

// pruneApprovals removes closed approvals and early responses beyond their limits.
func pruneApprovals(s *State, waiting map[string]bool, now time.Time) {
	var closed, early removableItems
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status != workflows.ApprovalOpen && !waiting[approval.NoticeID] {
			closed.add(i, approval.ClosedAt, approvalBytes(approval))
		}
	}
	for i := range s.Early {
		early.add(i, s.Early[i].KeptAt, responseBytes(&s.Early[i]))
	}
	s.Approvals = without(s.Approvals, closed.beyond(maxClosedApprovalBytes, now))
	drop := early.beyond(maxEarlyBytes, now)
	if slices.ContainsFunc(drop, func(i int) bool { return now.Sub(s.Early[i].KeptAt) <= keepHorizon }) {
		s.EarlyDroppedAt = now // its request may still come
	}
	s.Early = without(s.Early, drop)
}

// openRunBytes counts the bytes of runs that must be kept: open ones, and those whose notice waits.
func openRunBytes(s *State) int {
	waiting := waitingNotices(s)
	n := 0
	for i := range s.Runs {
		if run := &s.Runs[i]; run.Status == workflows.RunOpen || waiting[run.WarningID] || waiting[run.EndID] {
			n += runBytes(run)
		}
	}
	return n
}

// checkRoomForRuns refuses requests whose new runs don't fit. A registered request adds no run, even if its run was removed.
func checkRoomForRuns(s *State, requests []workflows.ApprovalRequest) error {
	fresh := make(map[string]bool)
	bytes := openRunBytes(s)
	for i, r := range requests {
		if r.RunID == "" || fresh[r.RunID] || findRun(s, r.RunID) != nil || findApproval(s, r.MessageID) != nil {
			continue
		}
		fresh[r.RunID] = true
		run := Run{Run: workflows.Run{RunID: r.RunID}}
		bytes += runBytes(&run)
		if err := checkRoomForRun(bytes, fmt.Sprintf("requests[%d]: run %q", i, r.RunID)); err != nil {
			return err
		}
	}
	return nil
}

func checkRoomForRun(bytes int, what string) error {
	if bytes > maxOpenRunBytes {
		return rules.Refuse(workflows.ErrTypeTooMany, "%s: too many runs are open: close those that have ended", what)
	}
	return nil
}

// withdrawEnds drops the notices of ended runs if too many wait, and raises attention. It is needed because hand-offs can fail for long, and
// runs of Artmail's events can't be refused. Runs that only such events have named go first, then the oldest.
func withdrawEnds(s *State, waiting map[string]bool, now time.Time) {
	over := openRunBytes(s) - maxOpenRunBytes
	for _, unknown := range []bool{true, false} {
		for i := range s.Runs {
			run := &s.Runs[i]
			if over <= 0 {
				return
			}
			if run.Status == workflows.RunOpen || !waiting[run.EndID] || (run.ReplyTo == nil && run.OpenedAt.IsZero()) != unknown {
				continue
			}
			over -= runBytes(run)
			for _, id := range []string{run.WarningID, run.EndID} {
				withdraw(s, id)
				delete(waiting, id)
			}
			s.Outbox.RefusedAt = now
		}
	}
}

// pruneRuns removes ended runs beyond their limits, and open runs that were idle for long. Of a force-failed run its hash and time stay. Without this, an
// agent that never closes its runs would fill the state, although Artmail ends them after a quarter of an hour. A run with an open approval stays.
func pruneRuns(s *State, waiting map[string]bool, now time.Time) {
	awaited := make(map[string]bool)
	for i := range s.Approvals {
		if s.Approvals[i].Status == workflows.ApprovalOpen {
			awaited[s.Approvals[i].RunID] = true
		}
	}
	withdrawEnds(s, waiting, now)
	crowded := openRunBytes(s) > maxOpenRunBytes/2
	var ended removableItems
	var idle []int
	for i := range s.Runs {
		run := &s.Runs[i]
		switch {
		case waiting[run.WarningID] || waiting[run.EndID]:
		case run.Status != workflows.RunOpen:
			ended.add(i, run.ClosedAt, runBytes(run))
		case awaited[run.RunID]:
		case now.Sub(run.LastActiveAt) > keepHorizon, crowded && now.Sub(run.LastActiveAt) > crowdedHorizon:
			idle = append(idle, i)
		}
	}
	drop := append(ended.beyond(maxEndedRunBytes, now), idle...)
	slices.Sort(drop)
	for _, i := range drop {
		if run := &s.Runs[i]; run.Status == workflows.RunForceFailed {
			s.Failed = rules.Appended(s.Failed, FailedRun{Key: rules.ShortKey(run.RunID), At: run.FailedAt}, maxFailed)
		}
	}
	s.Runs = without(s.Runs, drop)
}
