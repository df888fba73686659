package sqlite

import (
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/room"
)

// schedule says which lane is due next and which are out. It holds 32 bytes for each pending
// delivery it was told of, and can be told late: the table is the truth, and whatever the
// schedule still names but the table no longer shows as pending is dropped when it is read.
type schedule struct {
	mu    sync.Mutex
	lanes map[int64]*lane
	// waiting are the lanes that are not out, the longest due first.
	waiting dueFirst
	// out are the claimed lanes.
	out map[int64]*lane
}

// entry is a pending delivery; size is its body's. Times in this file are microseconds, as in the
// table.
type entry struct{ sequence, lane, dueAt, size int64 }

// lane is one lane's pending deliveries in order. Two lanes of one hash, should that ever
// happen, wait for each other as if they were one.
type lane struct {
	hash    int64
	due     int64
	pending []entry
	// place is the index in waiting.
	place int
	claim *claim
}

type claim struct {
	owner string
	until time.Time
	// open are the sequences handed out and not settled.
	open map[int64]bool
	// retryAt is what the first retry asked for, 0 without one.
	retryAt int64
	// arrived says that something came since: it may be what was missing, and cuts a wait short.
	arrived bool
	// ended says that something reached its end, so that what follows it has not been tried.
	ended bool
}

func newSchedule() *schedule {
	return &schedule{lanes: map[int64]*lane{}, out: map[int64]*lane{}}
}

// add notes a pending delivery. A known one has become due again.
func (s *schedule) add(e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lanes[e.lane]
	if !ok {
		l = &lane{hash: e.lane, due: e.dueAt}
		s.lanes[e.lane] = l
		heap.Push(&s.waiting, l)
	}
	at, known := slices.BinarySearchFunc(l.pending, e.sequence, bySequence)
	if known {
		l.pending[at].dueAt = e.dueAt
	} else {
		l.pending = slices.Insert(l.pending, at, e)
	}
	if l.claim != nil {
		l.claim.arrived = true
		return
	}
	if e.dueAt < l.due {
		l.due = e.dueAt
		heap.Fix(&s.waiting, l.place)
	}
}

// size is the number of lanes that wait.
func (s *schedule) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// take claims lanes that are due, the longest due first, until there is no more room.
func (s *schedule) take(owner string, now time.Time, lease time.Duration, left *room.Room) [][]entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	var taken [][]entry
	for left.Left() && len(s.waiting) > 0 && s.waiting[0].due <= cell.Micros(now) {
		l := s.waiting[0]
		n := left.Take(len(l.pending), func(i int) int64 { return l.pending[i].size })
		if n == 0 {
			break
		}
		entries := slices.Clone(l.pending[:n])
		heap.Pop(&s.waiting)
		l.claim = &claim{owner: owner, until: now.Add(lease), open: make(map[int64]bool, len(entries))}
		for _, e := range entries {
			l.claim.open[e.sequence] = true
		}
		s.out[l.hash] = l
		taken = append(taken, entries)
	}
	return taken
}

// expire gives back the lanes whose lease has ended.
func (s *schedule) expire(now time.Time) {
	for _, l := range s.out {
		if !l.claim.until.After(now) {
			s.giveBack(l, l.due)
		}
	}
}

// holds says whether the owner's claim covers the delivery.
func (s *schedule) holds(owner string, hash, sequence int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.out[hash]
	return ok && l.claim.owner == owner && l.claim.open[sequence]
}

// end takes a delivery out for good and says whether its lane is due now.
func (s *schedule) end(hash, sequence int64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.lanes[hash]
	if !ok {
		return false
	}
	at, known := slices.BinarySearchFunc(l.pending, sequence, bySequence)
	switch {
	case known && at == 0:
		// The usual case, and the one that must not move what may be a long backlog.
		l.pending = l.pending[1:]
	case known:
		l.pending = slices.Delete(l.pending, at, at+1)
	}
	if l.claim != nil {
		l.claim.ended = true
		return s.closed(l, sequence, now)
	}
	if len(l.pending) == 0 {
		heap.Remove(&s.waiting, l.place)
		delete(s.lanes, hash)
	}
	return false
}

// retry holds a claimed delivery's lane back and says whether it is due now all the same. It changes
// nothing where the owner's claim has ended since it was asked.
func (s *schedule) retry(owner string, hash, sequence, dueAt int64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.out[hash]
	if !ok || l.claim.owner != owner {
		return false
	}
	if at, known := slices.BinarySearchFunc(l.pending, sequence, bySequence); known {
		l.pending[at].dueAt = dueAt
	}
	if l.claim.retryAt == 0 {
		l.claim.retryAt = dueAt
	}
	return s.closed(l, sequence, now)
}

// release gives a claimed delivery back. That the lane is due now is no news to who releases it.
func (s *schedule) release(owner string, hash, sequence int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.out[hash]; ok && l.claim.owner == owner {
		s.closed(l, sequence, now)
	}
}

// closed ends the claim with its last delivery, and says whether the lane has something to hand
// out now.
func (s *schedule) closed(l *lane, sequence int64, now time.Time) bool {
	delete(l.claim.open, sequence)
	if len(l.claim.open) > 0 {
		return false
	}
	c, due := l.claim, l.due
	switch {
	case c.retryAt != 0 && !c.arrived:
		due = c.retryAt
	case c.retryAt == 0 && c.ended && len(l.pending) > 0:
		due = l.pending[0].dueAt
	}
	s.giveBack(l, due)
	return len(l.pending) > 0 && due <= cell.Micros(now)
}

func (s *schedule) giveBack(l *lane, due int64) {
	delete(s.out, l.hash)
	l.claim, l.due = nil, due
	if len(l.pending) == 0 {
		delete(s.lanes, l.hash)
		return
	}
	heap.Push(&s.waiting, l)
}

func bySequence(e entry, sequence int64) int {
	switch {
	case e.sequence < sequence:
		return -1
	case e.sequence > sequence:
		return 1
	default:
		return 0
	}
}

// dueFirst is a heap of lanes.
type dueFirst []*lane

func (h dueFirst) Len() int           { return len(h) }
func (h dueFirst) Less(i, j int) bool { return h[i].due < h[j].due }

func (h dueFirst) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *dueFirst) Push(x any) {
	l := x.(*lane) //nolint:errcheck // this file pushes nothing else
	l.place = len(*h)
	*h = append(*h, l)
}

func (h *dueFirst) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}
