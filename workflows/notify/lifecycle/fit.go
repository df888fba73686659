package lifecycle

import (
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// size returns the bytes of a notice without its body.
func (n Notice) size() int {
	return n.Bytes + recordBytes + workflows.JSONLen(n.LastError) + attemptBytes*len(n.Log)
}

// headerBytes returns the size of Notice and To as JSON.
func (n Notice) headerBytes() int { return workflows.JSONSize(n.Notice) + workflows.JSONSize(n.To) }

// withoutData drops the body for this target.
func (n Notice) withoutData() Notice {
	n.NoData = true
	return n
}

// arrival is a received notice, measured once for all targets.
type arrival struct {
	notice workflows.Notice // without its data
	body   Body
	// bytes is the size of the notice with its data and targets.
	bytes int
}

func measured(came workflows.AddressedNotice) arrival {
	a := arrival{notice: came.Notice, body: Body{ID: came.ID, Data: came.Data}}
	data := workflows.JSONSize(came.Data) - len("{}") // beyond that of an empty one, which is in the rest
	a.body.Bytes = workflows.JSONSize(Body{ID: came.ID}) + data
	a.notice.Data, came.Data = workflows.NoticeData{}, workflows.NoticeData{}
	a.bytes = max(workflows.JSONSize(came)+data, came.OmittedBytes)
	return a
}

// forTarget returns the notice for one target. why says why it can't be delivered; empty if it can.
func (a arrival) forTarget(to workflows.Target) (n Notice, why string) {
	n = Notice{Notice: a.notice, To: to}
	n.Bytes = n.headerBytes()
	switch {
	case n.Bytes > maxHeaderBytes:
		for _, text := range []*string{
			&n.ID, &n.Source, &n.Reference, &n.Agent, &n.ActivationID, &n.To.WorkflowID, &n.To.Signal, &n.To.Callback, (*string)(&n.Kind),
		} {
			*text = workflows.Clip(*text, maxTextBytes)
		}
		n.Bytes = n.headerBytes()
		return n.withoutData(), "its texts are too long: no workflow ID or signal can have them"
	case a.bytes > workflows.MaxNoticeBytes:
		return n.withoutData(), fmt.Sprintf("it is too large: %d bytes, at most %d", a.bytes, workflows.MaxNoticeBytes)
	}
	return n, ""
}

// bytes returns the bytes of the notices with one of the statuses, or of all. Targets share a body.
func (s State) bytes(status ...workflows.NoticeStatus) int {
	total := 0
	needed := make(map[string]bool, len(s.Bodies))
	for _, n := range s.Notices {
		if len(status) == 0 || slices.Contains(status, n.Status) {
			total += n.size()
			needed[n.ID] = needed[n.ID] || !n.NoData
		}
	}
	for _, b := range s.Bodies {
		if needed[b.ID] {
			total += b.Bytes
		}
	}
	return total
}

// body returns the body of a notice; empty if it is no longer held.
func (s State) body(id string) Body {
	if i := slices.IndexFunc(s.Bodies, func(b Body) bool { return b.ID == id }); i >= 0 {
		return s.Bodies[i]
	}
	return Body{}
}

// dropBodies removes the bodies that no target needs. It writes into s.Bodies.
func (s State) dropBodies() State {
	needed := s.neededBy()
	s.Bodies = slices.DeleteFunc(s.Bodies, func(b Body) bool { return needed[b.ID] == 0 })
	return s
}

// fit enforces the limits of the state. Waiting notices stay. The oldest of the others go: first records of delivered and dismissed notices,
// then the data of given-up notices, then their records, which are counted. It writes into s.Notices and s.Bodies.
func fit(s State) State {
	total := s.bytes()
	drop := make([]bool, len(s.Notices))
	forget := func(i int) {
		drop[i] = true
		total -= s.Notices[i].size()
	}
	tooLarge := func() bool { return total > workflows.MaxNoticesBytes }
	done := s.oldestFirst(Notice.done)
	for len(done) > workflows.MaxDoneNotices || len(done) > 0 && tooLarge() {
		forget(done[0])
		done = done[1:]
	}
	givenUp := s.oldestFirst(func(n Notice) bool { return n.is(workflows.NoticeGivenUp) })
	bodies, needed := s.bodyBytes(), s.neededBy()
	for _, i := range givenUp {
		if n := s.Notices[i]; tooLarge() && !n.NoData {
			s.Notices[i] = n.withoutData()
			if needed[n.ID]--; needed[n.ID] == 0 {
				total -= bodies[n.ID]
			}
		}
	}
	for _, i := range givenUp {
		if tooLarge() {
			forget(i)
			s.Forgotten++
		}
	}
	kept := s.Notices[:0]
	for i, n := range s.Notices {
		if !drop[i] {
			kept = append(kept, n)
		}
	}
	clear(s.Notices[len(kept):])
	s.Notices = kept
	return s.dropBodies()
}

// oldestFirst returns the positions of the chosen notices, in the order in which they were settled.
func (s State) oldestFirst(which func(Notice) bool) []int {
	var positions []int
	for i, n := range s.Notices {
		if which(n) {
			positions = append(positions, i)
		}
	}
	slices.SortStableFunc(positions, func(a, b int) int { return s.Notices[a].SettledAt.Compare(s.Notices[b].SettledAt) })
	return positions
}

// bodyBytes returns the sizes of the bodies by ID.
func (s State) bodyBytes() map[string]int {
	bytes := make(map[string]int, len(s.Bodies))
	for _, b := range s.Bodies {
		bytes[b.ID] = b.Bytes
	}
	return bytes
}

// neededBy returns by ID how many notices still need a body.
func (s State) neededBy() map[string]int {
	needed := make(map[string]int, len(s.Bodies))
	for _, n := range s.Notices {
		if !n.NoData {
			needed[n.ID]++
		}
	}
	return needed
}
