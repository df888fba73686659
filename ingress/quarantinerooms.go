package ingress

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// rooms says how many more activations the quarantine of each agent can keep before one displaces another.
type rooms struct {
	keep int
	// byAgent has the agents that had activations.
	byAgent map[string]room
	// recount has the agents that are to be counted again.
	recount map[string]bool
}

type room struct {
	free    int
	counted time.Time
}

// recountAfter is the least time between two counts of an agent's room that refused activations cause.
const recountAfter = time.Second

func newRooms(keep int) rooms {
	return rooms{keep: keep, byAgent: map[string]room{}, recount: map[string]bool{}}
}

// of returns the room of an agent. Before the first count it assumes an empty quarantine: extra activations displace only other bodies and
// each other.
func (r *rooms) of(agent string) room {
	if one, known := r.byAgent[agent]; known {
		return one
	}
	return room{free: r.keep}
}

// take takes the place of an activation. One within the limits takes it even if none is free.
func (r *rooms) take(agent string) {
	one := r.of(agent)
	one.free--
	r.byAgent[agent] = one
}

// giveBack gives back the place of an activation that was kept before.
func (r *rooms) giveBack(agent string) {
	one := r.of(agent)
	one.free++
	r.byAgent[agent] = one
}

// set records a count.
func (r *rooms) set(agent string, taken int, at time.Time) {
	r.byAgent[agent] = room{free: r.keep - taken, counted: at}
}

// askCount asks for a new count of an agent. It returns false if the last one is too new.
func (r *rooms) askCount(agent string, at time.Time) bool {
	if at.Sub(r.of(agent).counted) < recountAfter {
		return false
	}
	r.recount[agent] = true
	return true
}

// toCount returns the agents that are to be counted again, each of them once.
func (r *rooms) toCount() map[string]bool {
	agents := r.recount
	r.recount = map[string]bool{}
	return agents
}

// hasRoom reports whether an agent's quarantine can keep one more activation. If not, it asks for a new count, since a release makes room. An
// unknown agent has no room.
func (q *quarantine) hasRoom(w unverifiedWebhook) bool {
	free := q.rooms.of(w.agent).free > 0
	if !free && w.known && q.rooms.askCount(w.agent, w.at) {
		q.wakeUp()
	}
	return free && w.known
}

// countRooms counts the rooms that are to be counted again.
func (q *quarantine) countRooms(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quarantineBudget)
	defer cancel()
	q.mu.Lock()
	agents := q.rooms.toCount()
	q.mu.Unlock()
	for agent := range agents {
		q.countRoom(ctx, agent)
	}
}

// countRoom counts an agent's activations. Each of them needs a place: those in the inbox and those in the queue.
func (q *quarantine) countRoom(ctx context.Context, agent string) {
	taken := 0
	for _, kind := range lastKinds {
		filter := inbox.Filter{
			States: []inbox.State{inbox.StateQuarantined}, Provider: artmail.Name, Scope: agent, Kind: kind, Limit: inbox.MaxPage,
		}
		for more := true; more; more = filter.Cursor != "" {
			page, err := q.server.inbox.List(ctx, filter)
			if err != nil {
				q.server.logger.Warn("quarantined activations were not counted", zap.String("agent", agent), zap.Error(err))
				return
			}
			taken += len(page.Deliveries)
			filter.Cursor = page.Next
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range q.activations {
		if w.agent == agent {
			taken++
		}
	}
	q.rooms.set(agent, taken, q.server.now())
}
