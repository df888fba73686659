package inboxadmin_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

// recorder records the replays of each lane as they end. The later a delivery stands in its lane, the sooner its replay ends.
type recorder struct {
	inbox.Store
	sync.Mutex
	ended map[string][]string
}

func (r *recorder) Audit(context.Context, inbox.AuditEntry) error { return nil }

func (r *recorder) Replay(_ context.Context, id string, _ time.Time) error {
	lane, place, inLane := strings.Cut(id, "/")
	if !inLane {
		return inbox.ErrNotReplayable
	}
	var n int
	if _, err := fmt.Sscan(place, &n); err != nil {
		return err
	}
	for range 100 - n {
		runtime.Gosched()
	}
	r.Lock()
	defer r.Unlock()
	r.ended[lane] = append(r.ended[lane], id)
	return nil
}

func TestTheDeliveriesOfALaneAreReplayedInTheirOrder(t *testing.T) {
	t.Parallel()
	var all []inbox.Delivery
	want := map[string][]string{}
	for n := range 100 {
		for lane := range 5 {
			name := fmt.Sprint("lane-", lane)
			id := fmt.Sprint(name, "/", n)
			all, want[name] = append(all, inbox.Delivery{ID: id, Lane: name}), append(want[name], id)
		}
	}
	unknown := inbox.Delivery{ID: "no lane"}
	r := &recorder{ended: map[string][]string{}}
	replayed, err := inboxadmin.Admin{Inbox: r, Now: time.Now}.ReplayMany(t.Context(), inbox.Filter{}, append(all, unknown))
	require.NoError(t, err)
	require.Equal(t, all, replayed)
	require.Equal(t, want, r.ended)
}

// lockedLanes refuses replays in its lanes, and waits in all others until it has refused one in each.
type lockedLanes struct {
	recorder
	refused map[string]chan struct{}
}

func (l *lockedLanes) Replay(ctx context.Context, id string, now time.Time) error {
	lane, _, _ := strings.Cut(id, "/")
	if refused, locked := l.refused[lane]; locked {
		close(refused) // fails for a second delivery of the lane
		return inbox.ErrLocked
	}
	for _, refused := range l.refused {
		<-refused
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.recorder.Replay(ctx, id, now)
}

func TestALockedLaneStopsOnlyItsOwnReplay(t *testing.T) {
	t.Parallel()
	var all []inbox.Delivery
	for lane := range 5 {
		for n := range 10 {
			name := fmt.Sprint("lane-", lane)
			all = append(all, inbox.Delivery{ID: fmt.Sprint(name, "/", n), Lane: name})
		}
	}
	store := &lockedLanes{
		recorder: recorder{ended: map[string][]string{}}, refused: map[string]chan struct{}{"lane-0": make(chan struct{}), "lane-1": make(chan struct{})},
	}
	replayed, err := inboxadmin.Admin{Inbox: store, Now: time.Now}.ReplayMany(t.Context(), inbox.Filter{}, all)
	require.ErrorIs(t, err, inbox.ErrLocked)
	require.ErrorContains(t, err, "replay delivery lane-0/0: ")
	require.ErrorContains(t, err, "replay delivery lane-1/0: ")
	require.ErrorContains(t, err, "(30 were replayed)")
	require.Equal(t, all[20:], replayed)
}
