package postgres

import "slices"

// claimed is a lane while its deliveries are settled: what its row says, and what is to become of it. Times are microseconds.
type claimed struct {
	lane    key
	owner   string
	dueAt   int64
	open    []int64
	retryAt int64
	arrived bool
	ended   bool

	// changed says that the claim goes on and its row says something else now.
	changed bool
	// over says that the claim has ended, told that the last settlement was one that others want to know of.
	over, told bool
	// pending says that something in the lane waits, headDueAt when the first of it asks to be handed out.
	pending   bool
	headDueAt int64
}

func (l *claimed) isHeldBy(owner string, sequence int64) bool {
	return l != nil && l.owner == owner && slices.Contains(l.open, sequence)
}

// end follows the end of a delivery, whoever reported it and whether or not the lane is claimed.
func (l *claimed) end(sequence int64) {
	if l == nil || l.owner == "" || l.over {
		return
	}
	l.ended, l.changed = true, true
	l.settle(sequence, true)
}

// retry holds the lane back; the first one counts.
func (l *claimed) retry(sequence, dueAt int64) {
	if l.retryAt == 0 {
		l.retryAt = dueAt
	}
	l.settle(sequence, true)
}

// release gives a delivery back. That the lane is due now is no news to who releases it.
func (l *claimed) release(sequence int64) { l.settle(sequence, false) }

// settle ends the claim with its last delivery.
func (l *claimed) settle(sequence int64, told bool) {
	at := slices.Index(l.open, sequence)
	if at < 0 {
		return
	}
	l.open, l.changed = slices.Delete(l.open, at, at+1), true
	if len(l.open) == 0 {
		l.over, l.told = true, told
	}
}

func (l *claimed) head(dueAt int64) { l.pending, l.headDueAt = true, dueAt }

// nextDue is when a lane whose claim has ended is due: held back by its first retry unless something came meanwhile, or as its next
// delivery asks, where what came before it has ended.
func (l *claimed) nextDue() int64 {
	switch {
	case l.retryAt != 0 && !l.arrived:
		return l.retryAt
	case l.retryAt == 0 && l.ended && l.pending:
		return l.headDueAt
	default:
		return l.dueAt
	}
}

// isNews says whether a relay should look at the lane now.
func (l *claimed) isNews(now int64) bool { return l.over && l.told && l.pending && l.nextDue() <= now }

const (
	freeLanes = `UPDATE signalbox_lane AS l SET owner = '', lease_until = 0, handed_out = '{}', retry_at = 0, arrived = false, ended = false, due_at = f.due_at
FROM unnest($1::uuid[], $2::bigint[]) AS f(lane_key, due_at) WHERE l.lane_key = f.lane_key`
	keepClaim = `UPDATE signalbox_lane SET handed_out = $2, retry_at = $3, ended = $4 WHERE lane_key = $1`
)

// queueClaims writes what became of the lanes. One with nothing pending and no claim needs no row.
func (t *tx) queueClaims(lanes map[key]*claimed) {
	var idle, free []key
	var due []int64
	for lane, l := range lanes {
		switch {
		case !l.pending && (l.over || l.owner == ""):
			idle = append(idle, lane)
		case l.over:
			free, due = append(free, lane), append(due, l.nextDue())
		case l.changed:
			t.queue(keepClaim, lane, l.open, l.retryAt, l.ended)
		}
	}
	if len(idle) > 0 {
		t.queue(deleteLanes, idle)
	}
	if len(free) > 0 {
		t.queue(freeLanes, free, due)
	}
}
