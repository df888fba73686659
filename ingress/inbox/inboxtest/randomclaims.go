package inboxtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// randomClaims runs owners that claim with short leases and settle some lanes, late or never, while an operator settles and replays; a seed
// decides all of it. A lane is handed out from its head and to one owner at a time; and whenever all leases and waits are over, everything
// pending is handed out.
func randomClaims(t *testing.T, s inbox.Store) {
	const steps, checkEvery, lanes = 600, 40, 4
	seed := uint64(time.Now().UnixNano()) // another one each time; it is printed, to be played again
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	m := &claimModel{store: s, lane: map[string]string{}, out: map[string]*modelClaim{}, ended: map[string]bool{}}
	for step := range steps {
		m.now += random.IntN(20)
		switch random.IntN(10) {
		case 0, 1:
			m.append(t, lane(random.IntN(lanes)))
		case 2, 3, 4:
			r := request(fmt.Sprint("owner ", random.IntN(3)), at(m.now))
			r.Lease = time.Duration(1+random.IntN(60)) * time.Second
			r.MaxLanes, r.MaxPerLane, r.MaxBytes = 1+random.IntN(lanes), 1+random.IntN(3), int64(random.IntN(100))
			m.claim(t, r)
		case 5, 6, 7:
			m.settleSome(t, random)
		case 8:
			if id, ok := m.any(random); ok {
				m.settle(t, &modelClaim{}, inbox.Finish(id, inbox.StateDead, ""))
			}
		case 9:
			if id, ok := m.any(random); ok {
				require.NoError(t, s.Replay(context.Background(), id, at(m.now)))
				delete(m.ended, id)
			}
		}
		if step%checkEvery == checkEvery-1 {
			m.requireNothingLost(t)
		}
	}
}

type claimModel struct {
	store inbox.Store
	now   int
	// ids are in the order of appending, lane is each one's, and ended says which are at an end.
	ids   []string
	lane  map[string]string
	ended map[string]bool
	// out are the lanes that are claimed; held are all claims that there ever were, for owners who settle late.
	out  map[string]*modelClaim
	held []*modelClaim
}

type modelClaim struct {
	owner, lane string
	number      int64
	until       time.Time
	ids         []string
}

func (m *claimModel) append(t *testing.T, lane string) {
	t.Helper()
	id := add(t, m.store, delivery(lane, fmt.Sprint("key ", len(m.ids)), at(m.now)))[0].ID
	m.ids = append(m.ids, id)
	m.lane[id] = lane
}

func (m *claimModel) pending(lane string) (ids []string) {
	for _, id := range m.ids {
		if m.lane[id] == lane && !m.ended[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *claimModel) claim(t *testing.T, r inbox.ClaimRequest) map[string][]string {
	t.Helper()
	claimed := map[string][]string{}
	for _, l := range claim(t, m.store, r) {
		if before := m.out[l.Name]; before != nil {
			require.False(t, before.until.After(r.Now), "%s is %s's until %s, and it is %s", l.Name, before.owner, before.until, r.Now)
		}
		c := &modelClaim{owner: r.Owner, lane: l.Name, number: l.Claim, until: r.Now.Add(r.Lease)}
		for _, d := range l.Deliveries {
			c.ids = append(c.ids, d.ID)
		}
		require.Equal(t, m.pending(l.Name)[:len(c.ids)], c.ids, "from the head of %s", l.Name)
		m.out[l.Name], m.held = c, append(m.held, c)
		claimed[l.Name] = c.ids
	}
	return claimed
}

// settleSome is one owner who settles some of a claim, often an old one.
func (m *claimModel) settleSome(t *testing.T, random *rand.Rand) {
	t.Helper()
	if len(m.held) == 0 {
		return
	}
	back := min(len(m.held), 8)
	c := m.held[len(m.held)-1-random.IntN(back)]
	var settlements []inbox.Settlement
	for _, id := range c.ids {
		switch random.IntN(5) {
		case 0:
			settlements = append(settlements, inbox.Release(id))
		case 1:
			settlements = append(settlements, inbox.Retry(id, at(m.now+random.IntN(600)), "", random.IntN(2) == 0))
		case 2, 3:
			settlements = append(settlements, inbox.Finish(id, inbox.StateDelivered, ""))
		}
	}
	m.settle(t, c, settlements...)
}

func (m *claimModel) settle(t *testing.T, c *modelClaim, settlements ...inbox.Settlement) {
	t.Helper()
	require.NoError(t, m.store.Settle(context.Background(), inbox.SettleRequest{
		Now: at(m.now), Claims: map[string]int64{c.lane: c.number}, Settlements: settlements,
	}))
	for _, s := range settlements {
		if s.IsEnd() {
			m.ended[s.ID] = true
		}
	}
	if m.out[c.lane] == c {
		delete(m.out, c.lane)
	}
}

func (m *claimModel) any(random *rand.Rand) (string, bool) {
	if len(m.ids) == 0 {
		return "", false
	}
	recent := min(len(m.ids), 30)
	return m.ids[len(m.ids)-1-random.IntN(recent)], true
}

// requireNothingLost claims all that there is when nothing waits any more, and gives it back.
func (m *claimModel) requireNothingLost(t *testing.T) {
	t.Helper()
	m.now += 24 * 3600
	r := request("everything", at(m.now))
	r.MaxPerLane = len(m.ids) + 1
	want := map[string][]string{}
	for _, id := range m.ids {
		if !m.ended[id] {
			want[m.lane[id]] = append(want[m.lane[id]], id)
		}
	}
	got := m.claim(t, r)
	require.Equal(t, want, got)
	for lane, ids := range got {
		var settlements []inbox.Settlement
		for _, id := range ids {
			settlements = append(settlements, inbox.Release(id))
		}
		m.settle(t, m.out[lane], settlements...)
	}
}
