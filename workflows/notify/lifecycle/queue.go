package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// heads are the notices that targets wait for first: of each target the waiting one with the lowest Seq, as positions, in the order in which
// the targets came.
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

// waits is what waits in a state, counted once for all notices of a signal: hundreds come at a time, and hundreds may wait.
type waits struct {
	// bytes is the room of all that waits. Targets share a body.
	bytes   int
	targets []waitingTarget
	at      map[workflows.Target]int // positions in targets
	of      []int                    // for each notice the position of its target, or -1 where it does not wait
	bodies  map[string]int           // sizes by ID
	needed  map[string]int           // how many that wait need a body, by ID
}

// waitingTarget is what waits for one target.
type waitingTarget struct {
	count int
	bytes int // with each body
	head  int // the position of the notice with the lowest Seq
}

func (s State) waits() *waits {
	w := &waits{at: map[workflows.Target]int{}, bodies: s.bodyBytes(), needed: map[string]int{}}
	for i, n := range s.Notices {
		w.of = append(w.of, -1)
		if n.is(workflows.NoticeWaiting) {
			w.add(s, i)
		}
	}
	return w
}

// add counts a notice that waits.
func (w *waits) add(s State, i int) {
	n := s.Notices[i]
	place, found := w.at[n.To]
	if !found || w.targets[place].count == 0 {
		if !found {
			place = len(w.targets)
			w.at[n.To] = place
			w.targets = append(w.targets, waitingTarget{})
		}
		w.targets[place].head = i
	}
	t := &w.targets[place]
	if n.Seq < s.Notices[t.head].Seq {
		t.head = i
	}
	t.count++
	t.bytes += n.size() + w.bodies[n.ID]
	w.of[i] = place
	w.bytes += n.size()
	if w.needed[n.ID]++; w.needed[n.ID] == 1 {
		w.bytes += w.bodies[n.ID]
	}
}

// remove takes a notice out that waits no more.
func (w *waits) remove(s State, i int) {
	n := s.Notices[i]
	t := &w.targets[w.of[i]]
	t.count--
	t.bytes -= n.size() + w.bodies[n.ID]
	w.bytes -= n.size()
	if w.needed[n.ID]--; w.needed[n.ID] == 0 {
		w.bytes -= w.bodies[n.ID]
	}
	place := w.of[i]
	w.of[i] = -1
	if t.head != i {
		return
	}
	t.head = -1
	for other, of := range w.of {
		if of == place && (t.head < 0 || s.Notices[other].Seq < s.Notices[t.head].Seq) {
			t.head = other
		}
	}
}

// others is for how many targets notices wait, if none waits for this one; 0 where one does.
func (w *waits) others(to workflows.Target) int {
	if place, found := w.at[to]; found && w.targets[place].count > 0 {
		return 0
	}
	n := 0
	for _, t := range w.targets {
		if t.count > 0 {
			n++
		}
	}
	return n
}

// surplus is the waiting notice to give up when too much waits: the newest one of the target that holds the most bytes, so that a target
// which takes nothing does not cost others their notices. What a target waits for first may be under way and is spared, except where it has just
// come, at position came.
func (w *waits) surplus(s State, came int) int {
	surplus := came
	most := w.targets[w.of[came]].bytes
	for i, place := range w.of {
		if place < 0 || w.targets[place].head == i && i != came {
			continue
		}
		held := w.targets[place].bytes
		if held > most || held == most && s.Notices[i].Seq > s.Notices[surplus].Seq {
			surplus, most = i, held
		}
	}
	return surplus
}
