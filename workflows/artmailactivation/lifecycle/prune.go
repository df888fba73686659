package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// prune forgets what is closed beyond what is kept, and never what is open or owed to someone.
func (s *State) prune(now time.Time) {
	owed := make(map[string]bool, len(s.Replies))
	for _, r := range s.Replies {
		owed[r.owedFor()] = true
	}

	var closed kept
	for i := range s.Approvals {
		if a := &s.Approvals[i]; a.Status != workflows.ApprovalOpen && !owed["approval "+a.MessageID] {
			closed.add(i, a.ClosedAt, a.weight())
		}
	}
	s.Approvals = without(s.Approvals, closed.beyond(maxClosedApprovalBytes, now))
	s.pruneRuns(owed, now)

	var early kept
	for i := range s.Early {
		early.add(i, s.Early[i].KeptAt, s.Early[i].weight())
	}
	s.Early = without(s.Early, early.beyond(maxEarlyBytes, now))
}

// pruneRuns also forgets open runs that nobody has touched for long. An agent that doesn't close its runs would fill the state with
// them; Artmail ends them after a quarter of an hour. A run that an open approval belongs to stays.
func (s *State) pruneRuns(owed map[string]bool, now time.Time) {
	awaited := make(map[string]bool)
	for i := range s.Approvals {
		if s.Approvals[i].Status == workflows.ApprovalOpen {
			awaited[s.Approvals[i].RunID] = true
		}
	}
	crowded := s.openRunBytes() > maxOpenRunBytes/2
	var ended kept
	var idle []int
	for i := range s.Runs {
		r := &s.Runs[i]
		switch {
		case owed["run "+r.RunID]:
		case r.Status != workflows.RunOpen:
			ended.add(i, r.ClosedAt, r.weight())
		case awaited[r.RunID]:
		case now.Sub(r.LastActiveAt) > keepHorizon, crowded && now.Sub(r.LastActiveAt) > crowdedHorizon:
			idle = append(idle, i)
		}
	}
	s.Runs = without(s.Runs, append(ended.beyond(maxEndedRunBytes, now), idle...))
}

func (r Reply) owedFor() string {
	if r.Kind == "" {
		return "approval " + r.MessageID
	}
	return "run " + r.RunID
}

// kept is what may be forgotten.
type kept []keepable

type keepable struct {
	index int
	at    time.Time
	bytes int
}

func (k *kept) add(index int, at time.Time, bytes int) {
	*k = append(*k, keepable{index, at, bytes})
}

// beyond names the ones that go: all but the newest maxKept of budget bytes within the horizon.
func (k kept) beyond(budget int, now time.Time) []int {
	slices.SortStableFunc(k, func(a, b keepable) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return b.index - a.index
	})
	var drop []int
	for n, item := range k {
		budget -= item.bytes
		if n >= maxKept || budget < 0 || now.Sub(item.at) > keepHorizon {
			drop = append(drop, item.index)
		}
	}
	return drop
}

func without[T any](list []T, drop []int) []T {
	if len(drop) == 0 {
		return list
	}
	slices.Sort(drop)
	left := make([]T, 0, len(list)-len(drop))
	for i, item := range list {
		if _, goes := slices.BinarySearch(drop, i); !goes {
			left = append(left, item)
		}
	}
	return left
}

// openApprovalBytes counts what can't be forgotten: open approvals, and closed ones that are still owed to someone.
func (s *State) openApprovalBytes() int {
	owed := make(map[string]bool, len(s.Replies))
	for _, r := range s.Replies {
		owed[r.owedFor()] = true
	}
	n := 0
	for i := range s.Approvals {
		if a := &s.Approvals[i]; a.Status == workflows.ApprovalOpen || owed["approval "+a.MessageID] {
			n += a.weight()
		}
	}
	return n
}

func (s *State) openRunBytes() int {
	n := 0
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Status == workflows.RunOpen {
			n += r.weight()
		}
	}
	return n
}

// checkRoomForRuns counts the runs that requests would make known.
func (s *State) checkRoomForRuns(requests []workflows.ApprovalRequest) error {
	fresh := make(map[string]bool)
	bytes := s.openRunBytes()
	for _, r := range requests {
		if r.RunID == "" || fresh[r.RunID] || s.run(r.RunID) != nil {
			continue
		}
		fresh[r.RunID] = true
		run := Run{Run: workflows.Run{RunID: r.RunID}}
		bytes += run.weight()
		if err := checkRoomForRun(bytes, r.RunID); err != nil {
			return err
		}
	}
	return nil
}

func checkRoomForRun(bytes int, runID string) error {
	if bytes > maxOpenRunBytes {
		return refuse(workflows.ErrTypeTooMany, "run %q: too many runs are open; close those that have ended", runID)
	}
	return nil
}
