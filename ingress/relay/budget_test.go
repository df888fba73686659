package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
)

// weighed is an inbox that counts the bytes of bodies that are claimed and not settled.
type weighed struct {
	inbox.Store
	mu         sync.Mutex
	bytes      map[string]int
	held, most int
}

func (w *weighed) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	lanes, err := w.Store.Claim(ctx, request)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, lane := range lanes {
		for _, d := range lane.Deliveries {
			w.bytes[d.ID] = len(d.Body)
			w.held += len(d.Body)
		}
	}
	w.most = max(w.most, w.held)
	return lanes, err
}

// handled records that the server has all events of a lane.
func (w *weighed) handled(ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.held -= w.bytes[id]
		delete(w.bytes, id)
	}
}

func (w *weighed) read() (held, most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held, w.most
}

func TestBytesOfClaimedBodiesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const limit, lanes, perLane, size = 40_000, 30, 5, 3000
	store := &weighed{Store: f.store, bytes: map[string]int{}}
	f.store = store
	large := func(size int) string {
		return `{"event_type":"case.completed","data":{"caseId":"c1","result":{"text":"` + strings.Repeat("x", size) + `"}}}`
	}
	put := func(reference string, size int) string {
		f.temporal.run("offload-case/" + reference)
		return f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane(reference)}, large(size))
	}
	inLane := map[string][]string{}
	for n := range lanes {
		reference := fmt.Sprintf("order-%d", n)
		for range perLane {
			inLane["offload-case/"+reference] = append(inLane["offload-case/"+reference], put(reference, size))
		}
	}
	leave := make(chan struct{})
	release := sync.OnceFunc(func() { close(leave) })
	f.temporal.hook = func(workflowID string) {
		<-leave
		store.handled(inLane[workflowID]...)
	}
	f.start(t, relay.Config{Concurrency: 8, MaxInFlight: limit})
	t.Cleanup(release)
	eventually(t, "as much as there is room for", func() bool {
		held, _ := store.read()
		return held > limit*3/4
	})
	release()
	// A signal that was held for too long is sent again after a pause.
	f.passTime(t, time.Second, "all delivered", func() bool {
		counts, err := f.store.Counts(t.Context(), inbox.StatePending)
		return err == nil && counts[inbox.StatePending] == 0
	})
	_, most := store.read()
	require.LessOrEqual(t, most, limit+size+1000, "one delivery may exceed the limit")

	single := put("huge", 5*limit)
	f.becomes(t, single, inbox.StateDelivered)
}
