package inboxtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// randomOperations plays seeded random operations against a plain model of the table.
func randomOperations(t *testing.T, s inbox.Store) {
	const seed, steps, lanes = 20260501, 400, 5
	random := rand.New(rand.NewPCG(seed, 0))
	m := &model{states: map[string]inbox.State{}, lanes: map[string][]string{}, out: map[string][]inbox.Delivery{}}
	for now := range steps {
		switch random.IntN(6) {
		case 0, 1:
			d := delivery(lane(random.IntN(lanes)), fmt.Sprint(random.IntN(200)), at(now))
			r := add(t, s, d)[0]
			require.Equal(t, m.seen(d.Lane, d.DedupeKey), r.Outcome == inbox.OutcomeDuplicate)
			if r.Outcome == inbox.OutcomeNew {
				m.append(d, r.ID)
			}
		case 2, 3:
			r := request("relay", at(now))
			r.MaxLanes, r.MaxPerLane = 1+random.IntN(lanes), 1+random.IntN(4)
			// Longer than the test: a claim ends by settling alone.
			r.Lease = inbox.MaxWait
			for _, l := range claim(t, s, r) {
				m.claimed(t, l)
			}
		case 4:
			if out := slices.Sorted(maps.Keys(m.out)); len(out) > 0 {
				m.settle(t, s, random, out[random.IntN(len(out))], now)
			}
		case 5:
			if id, ok := m.anyEnded(); ok {
				require.NoError(t, s.Replay(context.Background(), id, at(now)))
				m.states[id] = inbox.StatePending
			}
		}
		requireCounts(t, s, m.counts())
	}
}

// model is what the table should hold.
type model struct {
	keys   []string
	states map[string]inbox.State
	// lanes are the IDs in order of appending, out the lanes that are claimed.
	lanes map[string][]string
	out   map[string][]inbox.Delivery
}

func (m *model) seen(lane, key string) bool {
	for _, k := range m.keys {
		if k == lane+" "+key {
			return true
		}
	}
	return false
}

func (m *model) append(d inbox.Delivery, id string) {
	m.keys = append(m.keys, d.Lane+" "+d.DedupeKey)
	m.states[id] = inbox.StatePending
	m.lanes[d.Lane] = append(m.lanes[d.Lane], id)
}

// claimed requires that a claim hands out the head of a free lane.
func (m *model) claimed(t *testing.T, l inbox.Lane) {
	t.Helper()
	require.NotContains(t, m.out, l.Name)
	var pending, got []string
	for _, id := range m.lanes[l.Name] {
		if m.states[id] == inbox.StatePending {
			pending = append(pending, id)
		}
	}
	for _, d := range l.Deliveries {
		got = append(got, d.ID)
	}
	require.LessOrEqual(t, len(got), len(pending))
	require.Equal(t, pending[:len(got)], got)
	m.out[l.Name] = l.Deliveries
}

func (m *model) settle(t *testing.T, s inbox.Store, random *rand.Rand, lane string, now int) {
	t.Helper()
	var settlements []inbox.Settlement
	for _, d := range m.out[lane] {
		switch random.IntN(4) {
		case 0:
			settlements = append(settlements, inbox.Release(d.ID))
		case 1:
			settlements = append(settlements, inbox.Retry(d.ID, at(now+random.IntN(20)), "", true))
		default:
			settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			m.states[d.ID] = inbox.StateDelivered
		}
	}
	settle(t, s, "relay", at(now), settlements...)
	delete(m.out, lane)
}

func (m *model) anyEnded() (string, bool) {
	for _, lane := range slices.Sorted(maps.Keys(m.lanes)) {
		for _, id := range m.lanes[lane] {
			if m.states[id] == inbox.StateDelivered {
				return id, true
			}
		}
	}
	return "", false
}

func (m *model) counts() map[inbox.State]int64 {
	counts := map[inbox.State]int64{}
	for _, state := range m.states {
		counts[state]++
	}
	return counts
}
