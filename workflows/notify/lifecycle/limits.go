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
	// recordBytes is the most that a Notice adds to its AddressedNotice.
	recordBytes = 900
	// maxSeen is how many notices are remembered. A hand-off is repeated within minutes and takes 50 notices at most.
	maxSeen = 2000
)

// firstTime is the least time that a delivery is tried, however old the notice is.
const firstTime = time.Minute

// size is the room that a notice takes.
func (n Notice) size() int { return n.Bytes + recordBytes }

// jsonSize is the size of a notice as JSON. What came as JSON can be written as JSON. The encoder gives the same bytes each time, which
// workflowcheck can't see.
//
//workflowcheck:ignore
func jsonSize(n workflows.AddressedNotice) int {
	text, err := json.Marshal(n)
	if err != nil {
		return workflows.MaxNoticeBytes + 1
	}
	return len(text)
}

// withoutData leaves out the data.
func (n Notice) withoutData() Notice {
	n.Data = workflows.NoticeData{}
	n.NoData = true
	n.Bytes = jsonSize(n.AddressedNotice)
	return n
}

// sized measures a notice that has come. why says why it can't be delivered; empty: it can.
func sized(came workflows.AddressedNotice) (n Notice, why string) {
	n = Notice{AddressedNotice: came, Bytes: jsonSize(came)}
	size := max(n.Bytes, came.OmittedBytes)
	header := came
	header.Data = workflows.NoticeData{}
	switch {
	case jsonSize(header) > maxHeaderBytes:
		for _, text := range []*string{
			&n.ID, &n.Source, &n.Reference, &n.Agent, &n.ActivationID, &n.To.WorkflowID, &n.To.Signal, (*string)(&n.Kind),
		} {
			*text = workflows.Clip(*text, maxTextBytes)
		}
		return n.withoutData(), "its texts are too long: no workflow ID or signal has such a length"
	case size > workflows.MaxNoticeBytes:
		return n.withoutData(), fmt.Sprintf("it is too large: %d bytes, at most %d", size, workflows.MaxNoticeBytes)
	}
	return n, ""
}

// bytes is the room that the notices with a status take, or all.
func (s State) bytes(status ...workflows.NoticeStatus) int {
	total := 0
	for _, n := range s.Notices {
		if len(status) == 0 || slices.Contains(status, n.Status) {
			total += n.size()
		}
	}
	return total
}

// fit makes room where too much is held. What waits stays; the oldest of the rest goes: records of what is settled first, then the data of
// what was given up, then its records, which are counted. It writes into s.Notices.
func fit(s State) State {
	for settled := s.count(workflows.NoticeDelivered) + s.count(workflows.NoticeDismissed); settled > workflows.MaxSettledNotices; settled-- {
		s = s.forget(s.oldest(Notice.settled))
	}
	withData := func(n Notice) bool { return n.is(workflows.NoticeGivenUp) && !n.NoData }
	givenUp := func(n Notice) bool { return n.is(workflows.NoticeGivenUp) }
	for total := s.bytes(); total > workflows.MaxNoticesBytes; total = s.bytes() {
		if i := s.oldest(Notice.settled); i >= 0 {
			s = s.forget(i)
		} else if i := s.oldest(withData); i >= 0 {
			s.Notices[i] = s.Notices[i].withoutData()
		} else if i := s.oldest(givenUp); i >= 0 {
			s = s.forget(i)
			s.Forgotten++
		} else {
			break // only what waits is left, which has a smaller limit of its own
		}
	}
	return s
}

// oldest is the notice that was settled or given up first, or -1.
func (s State) oldest(which func(Notice) bool) int {
	oldest := -1
	for i, n := range s.Notices {
		if which(n) && (oldest < 0 || n.SettledAt.Before(s.Notices[oldest].SettledAt)) {
			oldest = i
		}
	}
	return oldest
}

// forget writes into s.Notices.
func (s State) forget(i int) State {
	s.Notices = slices.Delete(s.Notices, i, i+1)
	return s
}
