package lifecycle

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Limits beside those of the contract. Bytes are bytes of JSON.
const (
	// maxHeaderBytes is the size of a notice without its data. Contract limits keep it well below; what is over has texts that no target of
	// Temporal can have, and they are clipped to maxTextBytes each.
	maxHeaderBytes = 8 << 10
	maxTextBytes   = 500
	maxErrorBytes  = 500
	// recordBytes is the most that a Notice adds to Bytes, apart from its log, and attemptBytes what an attempt in the log takes.
	recordBytes     = 900
	attemptBytes    = 200
	maxAttemptError = 100
	// maxGone is how many targets are remembered that want no more notices. Only callbacks of the configuration can say so.
	maxGone = 100
	// maxSeen is how many notices are remembered. A hand-off is repeated within minutes and takes 50 notices at most.
	maxSeen = 2000
)

// firstTime is the least time that a delivery is tried, however old the notice is.
const firstTime = time.Minute

// size is the room that a notice takes, without its body.
func (n Notice) size() int { return n.Bytes + recordBytes + attemptBytes*len(n.Log) }

// jsonSize is the size of a value as JSON. What came as JSON can be written as JSON. The encoder gives the same bytes each time, which
// workflowcheck can't see.
//
//workflowcheck:ignore
func jsonSize(v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		return workflows.MaxNoticeBytes + 1
	}
	return len(text)
}

// withoutData gives the body up for this target.
func (n Notice) withoutData() Notice {
	n.NoData = true
	return n
}

// arrival is a notice that has come, measured once for all targets.
type arrival struct {
	notice workflows.Notice // without its data
	body   Body
	// bytes is the size of the whole with its targets.
	bytes int
}

func measured(came workflows.AddressedNotice) arrival {
	a := arrival{notice: came.Notice, body: Body{ID: came.ID, Data: came.Data}}
	data := jsonSize(came.Data) - len("{}") // beyond that of an empty one, which is in the rest
	a.body.Bytes = jsonSize(Body{ID: came.ID}) + data
	a.notice.Data, came.Data = workflows.NoticeData{}, workflows.NoticeData{}
	a.bytes = max(jsonSize(came)+data, came.OmittedBytes)
	return a
}

// forTarget is the notice for one target. why says why it can't be delivered; empty: it can.
func (a arrival) forTarget(to workflows.Target) (n Notice, why string) {
	n = Notice{Notice: a.notice, To: to}
	n.Bytes = jsonSize(n.Notice) + jsonSize(n.To)
	switch {
	case n.Bytes > maxHeaderBytes:
		for _, text := range []*string{
			&n.ID, &n.Source, &n.Reference, &n.Agent, &n.ActivationID, &n.To.WorkflowID, &n.To.Signal, &n.To.Callback, (*string)(&n.Kind),
		} {
			*text = workflows.Clip(*text, maxTextBytes)
		}
		n.Bytes = jsonSize(n.Notice) + jsonSize(n.To)
		return n.withoutData(), "its texts are too long: no workflow ID or signal has such a length"
	case a.bytes > workflows.MaxNoticeBytes:
		return n.withoutData(), fmt.Sprintf("it is too large: %d bytes, at most %d", a.bytes, workflows.MaxNoticeBytes)
	}
	return n, ""
}

// bytes is the room that the notices with a status take, or all. Targets share a body.
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

// body is the body of a notice; empty where it is not held any more.
func (s State) body(id string) Body {
	if i := slices.IndexFunc(s.Bodies, func(b Body) bool { return b.ID == id }); i >= 0 {
		return s.Bodies[i]
	}
	return Body{}
}

// dropBodies forgets the bodies that no target needs any more. It writes into s.Bodies.
func (s State) dropBodies() State {
	needed := s.neededBy()
	s.Bodies = slices.DeleteFunc(s.Bodies, func(b Body) bool { return needed[b.ID] == 0 })
	return s
}

// fit makes room where too much is held. What waits stays; the oldest of the rest goes: records of what is settled first, then the data of
// what was given up, then its records, which are counted. It writes into s.Notices and s.Bodies.
func fit(s State) State {
	total := s.bytes()
	drop := make([]bool, len(s.Notices))
	forget := func(i int) {
		drop[i] = true
		total -= s.Notices[i].size()
	}
	settled := s.oldestFirst(Notice.settled)
	for len(settled) > workflows.MaxSettledNotices || len(settled) > 0 && total > workflows.MaxNoticesBytes {
		forget(settled[0])
		settled = settled[1:]
	}
	if total > workflows.MaxNoticesBytes {
		givenUp := s.oldestFirst(func(n Notice) bool { return n.is(workflows.NoticeGivenUp) })
		bodies, needed := s.bodyBytes(), s.neededBy()
		for _, i := range givenUp {
			n := s.Notices[i]
			if total <= workflows.MaxNoticesBytes || n.NoData {
				continue
			}
			s.Notices[i] = n.withoutData()
			if needed[n.ID]--; needed[n.ID] == 0 {
				total -= bodies[n.ID]
			}
		}
		for _, i := range givenUp {
			if total > workflows.MaxNoticesBytes {
				forget(i)
				s.Forgotten++
			}
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

// oldestFirst are the positions of notices by when they were settled or given up.
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

// bodyBytes are the sizes of the bodies, by ID.
func (s State) bodyBytes() map[string]int {
	bytes := make(map[string]int, len(s.Bodies))
	for _, b := range s.Bodies {
		bytes[b.ID] = b.Bytes
	}
	return bytes
}

// neededBy counts the notices that still need a body, by ID.
func (s State) neededBy() map[string]int {
	needed := make(map[string]int, len(s.Bodies))
	for _, n := range s.Notices {
		if !n.NoData {
			needed[n.ID]++
		}
	}
	return needed
}
