package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// heads are the notices that targets wait for first: of each target the waiting one with the lowest Seq, as positions, in the order in which
// the targets came.
func (s State) heads() []int {
	var heads []int
	at := map[workflows.ReplyTo]int{}
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

// waitsFor says whether a notice waits for the target.
func (s State) waitsFor(to workflows.ReplyTo) bool {
	for _, n := range s.Notices {
		if n.is(workflows.NoticeWaiting) && n.To == to {
			return true
		}
	}
	return false
}

// surplus is the waiting notice to give up when too much waits: the newest one of the target that holds the most bytes, so that a target
// which takes nothing does not cost others their notices. What a target waits for first may be under way and is spared, except where it has just
// come, at position came.
func (s State) surplus(came int) int {
	bytes := map[workflows.ReplyTo]int{}
	for _, n := range s.Notices {
		if n.is(workflows.NoticeWaiting) {
			bytes[n.To] += n.size()
		}
	}
	spared := map[int]bool{}
	for _, i := range s.heads() {
		spared[i] = i != came
	}
	surplus := came
	for i, n := range s.Notices {
		if !n.is(workflows.NoticeWaiting) || spared[i] {
			continue
		}
		most, held := bytes[s.Notices[surplus].To], bytes[n.To]
		if held > most || held == most && n.Seq > s.Notices[surplus].Seq {
			surplus = i
		}
	}
	return surplus
}
