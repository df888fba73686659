package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// heads returns the positions of the first notice of each target: the waiting one with the lowest Seq. They are in the order in which the
// targets came.
func (s State) heads() []int {
	var heads []int
	at := map[workflows.Target]int{}
	for i, n := range s.Notices {
		if !n.is(workflows.NoticeWaiting) {
			continue
		}
		if place, found := at[n.To]; !found {
			at[n.To] = len(heads)
			heads = append(heads, i)
		} else if n.Seq < s.Notices[heads[place]].Seq {
			heads[place] = i
		}
	}
	return heads
}

// waitingCounts counts the waiting notices of a state. It is built once for all notices of a signal, because hundreds may come and hundreds may
// wait.
type waitingCounts struct {
	// bytes is the size of all waiting notices. Targets share a body.
	bytes   int
	targets map[workflows.Target]*waitingTarget // those with waiting notices
	bodies  map[string]int                      // sizes by ID
	needed  map[string]int                      // by ID, how many waiting notices need a body
}

// waitingTarget counts the waiting notices of one target.
type waitingTarget struct {
	count int
	bytes int // with each body
	head  int // the position of the notice with the lowest Seq
}

func (s State) countWaiting() *waitingCounts {
	w := &waitingCounts{targets: map[workflows.Target]*waitingTarget{}, bodies: s.bodyBytes(), needed: map[string]int{}}
	for i, n := range s.Notices {
		if n.is(workflows.NoticeWaiting) {
			w.add(s, i)
		}
	}
	return w
}

// add counts a waiting notice.
func (w *waitingCounts) add(s State, i int) {
	n := s.Notices[i]
	t := w.targets[n.To]
	if t == nil {
		t = &waitingTarget{head: i}
		w.targets[n.To] = t
	}
	if n.Seq < s.Notices[t.head].Seq {
		t.head = i
	}
	t.count++
	t.bytes += n.size() + w.bodies[n.ID]
	w.bytes += n.size()
	if w.needed[n.ID]++; w.needed[n.ID] == 1 {
		w.bytes += w.bodies[n.ID]
	}
}

// remove removes a notice that no longer waits. head stays right: surplus returns the first notice of a target only when no other of that target
// waits.
func (w *waitingCounts) remove(s State, i int) {
	n := s.Notices[i]
	t := w.targets[n.To]
	if t.count--; t.count == 0 {
		delete(w.targets, n.To)
	}
	t.bytes -= n.size() + w.bodies[n.ID]
	w.bytes -= n.size()
	if w.needed[n.ID]--; w.needed[n.ID] == 0 {
		w.bytes -= w.bodies[n.ID]
	}
}

// others returns how many other targets have waiting notices; 0 if this target has some itself, since it is then no further target.
func (w *waitingCounts) others(to workflows.Target) int {
	if w.targets[to] != nil {
		return 0
	}
	return len(w.targets)
}
