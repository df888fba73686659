package ingress_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestTheQuarantineKeepsBodiesThatNoSecretVerifies(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	body := `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong")).status)
	require.NoError(t, f.stop())
	kept := f.kept(t)
	require.Len(t, kept, 1)
	require.Equal(t, inbox.StateQuarantined, kept[0].State)
	require.Equal(t, agent, kept[0].Scope)
	signatures, encoding, unpacked := hook.Unpack([]byte(f.opened(t, kept[0])))
	require.Equal(t, []string{artmail.Sign([]byte(body), "wrong")}, signatures)
	require.Empty(t, encoding)
	require.Equal(t, body, string(unpacked))
	require.NotEmpty(t, f.logs.FilterMessageSnippet("bad signature").All(), "a warning is logged")
}

func TestAFloodOfForgeriesDisplacesNoActivation(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents["other"] = []string{"another secret"}
	c.Quarantine = ingress.QuarantineConfig{Keep: 10, SourcePerHour: 100}
	f := start(t, c, nil)
	forge := func(agent, body string) { require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body).status) }
	forge(agent, `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`)
	forge("other", paused)
	for n := range 9 {
		forge(agent, fmt.Sprintf(`{"type":"agent.activated","activationId":"b%d"}`, n))
	}
	for n := range 10 {
		forge(agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n))
	}
	require.NoError(t, f.stop())
	kept := map[string][]inbox.Delivery{}
	for _, d := range f.kept(t) {
		kept[d.Scope] = append(kept[d.Scope], d)
	}
	require.Len(t, kept["other"], 1, "each agent has its own bound")
	require.Len(t, kept[agent], 10)
	require.Contains(t, f.opened(t, kept[agent][9]), "art_key_1", "the oldest, and still there")
}

func TestTheQuarantineRefusesLargeBodies(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	large := strings.Repeat("x", 65<<10)
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, large, artmail.SignatureHeader, artmail.Sign([]byte(large), "guess")).status)
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, "").status)
	require.NoError(t, f.stop())
	require.Empty(t, f.kept(t))
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="too_large"} 1`)
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="empty"} 1`)
}

// Artmail tries each event several times. If each try took a row, or counted against the source, a few dozen activations would displace each
// other.
func TestTheRetriesOfOneEventTakeOneRow(t *testing.T) {
	t.Parallel()
	const events = 10
	c := config()
	c.Refusals = 10_000
	c.Quarantine = ingress.QuarantineConfig{Keep: 2 * events, SourcePerHour: 2 * events}
	f := start(t, c, nil)
	eventually(t, "each is counted seven times", func() bool {
		for n := range events {
			body := fmt.Sprintf(`{"type":"agent.activated","activationId":"a%d","apiKey":"art_key_%d"}`, n, n)
			require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong")).status)
		}
		kept := f.kept(t)
		return len(kept) == events && !slices.ContainsFunc(kept, func(d inbox.Delivery) bool { return d.Duplicates < 6 })
	})
	for _, d := range f.kept(t) {
		require.NotContains(t, d.DedupeKey, "art_key")
	}
}

// countingStore counts the deliveries that were appended, and the trims.
type countingStore struct {
	inbox.Store
	appended, trims atomic.Int64
}

func (s *countingStore) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	receipts, err := s.Store.Append(ctx, deliveries)
	s.appended.Add(int64(len(deliveries)))
	return receipts, err
}

func (s *countingStore) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	s.trims.Add(1)
	return s.Store.Trim(ctx, request)
}

func TestOneForgedBodyThatIsRepeatedForeverIsWrittenABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	const keep, perHour = 10, 2
	for kind, body := range map[string]string{"an activation": `{"type":"agent.activated","activationId":"a1","apiKey":"k"}`, "another": paused} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			store := &countingStore{}
			c := config()
			c.Refusals = 10_000
			c.Quarantine = ingress.QuarantineConfig{Keep: keep, SourcePerHour: perHour}
			f := startAt(t, (&clock{}).now, c, func(s inbox.Store) inbox.Store {
				store.Store = s
				return store
			})
			for range 3 * 6 * keep {
				require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong")).status)
				eventually(t, "it is written or dropped", func() bool {
					return strings.Contains(f.metrics(t), fmt.Sprintf("signalbox_artmail_bad_signatures_total{kept=\"yes\"} %d\n", store.appended.Load()))
				})
			}
			require.NoError(t, f.stop())
			require.Len(t, f.kept(t), 1)
			require.Equal(t, int64(perHour+6*keep), store.appended.Load())
			require.Equal(t, int64(1), store.trims.Load())
		})
	}
}

// slowStore blocks the first append, as a busy disk does.
type slowStore struct {
	inbox.Store
	begun chan struct{}
	free  chan struct{}
}

func (s *slowStore) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	select {
	case s.begun <- struct{}{}:
		<-s.free
	default:
	}
	// The test may hold it up for longer than a write may take.
	return s.Store.Append(context.WithoutCancel(ctx), deliveries)
}

func TestAFullQueueOfForgeriesDoesNotBlockAnActivation(t *testing.T) {
	t.Parallel()
	slow := &slowStore{begun: make(chan struct{}, 1), free: make(chan struct{})}
	c := config()
	c.Refusals, c.Quarantine.SourcePerHour = 1000, 1000
	f := start(t, c, func(s inbox.Store) inbox.Store {
		slow.Store = s
		return slow
	})
	forge := func(n int) {
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)).status)
	}
	forge(0)
	eventually(t, "the disk is busy", func() bool { return len(slow.begun) == 1 })
	for n := range 300 {
		forge(n + 1)
	}
	require.NotContains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="queue_full"} 0`, "the queue is full")
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`).status)
	close(slow.free)
	require.NoError(t, f.stop())
	kinds := map[string]int{}
	for _, d := range f.kept(t) {
		kinds[d.Kind]++
	}
	require.Equal(t, map[string]int{"unverified": 257, "unverified agent.activated": 1}, kinds)
}

func TestTheQuarantineWaitsForAnInboxThatIsAway(t *testing.T) {
	t.Parallel()
	store := &broken{}
	store.set(fmt.Errorf("%w: no connection", inbox.ErrBusy))
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`).status)
	eventually(t, "a failed write", func() bool { return len(f.logs.FilterMessage("refused webhooks wait for the inbox").All()) > 0 })
	store.set(nil)
	eventually(t, "the body is kept", func() bool {
		page, err := store.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.StateQuarantined}})
		require.NoError(t, err)
		return len(page.Deliveries) == 1
	})
}

// stuckStore ends an append only with its context.
type stuckStore struct {
	inbox.Store
	mu   sync.Mutex
	ends []error
}

func (s *stuckStore) Append(ctx context.Context, _ []inbox.Delivery) ([]inbox.Receipt, error) {
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, ctx.Err())
	return nil, inbox.ErrBusy
}

func TestAStopDoesNotWaitForAQuarantineThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	stuck := &stuckStore{}
	c := config()
	c.Refusals = 1000
	c.Quarantine = ingress.QuarantineConfig{SourcePerHour: 1000, StopTimeout: time.Millisecond}
	f := start(t, c, func(s inbox.Store) inbox.Store {
		stuck.Store = s
		return stuck
	})
	for n := range 2*64 + 2 { // more than two batches
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)).status)
	}
	require.NoError(t, f.stop())
	require.ErrorIs(t, stuck.ends[len(stuck.ends)-1], context.Canceled, "the stop ends it, not the time of the last batch")
	lost := 0
	for _, entry := range f.logs.FilterMessage("refused webhooks were not stored in the quarantine").All() {
		lost += int(entry.ContextMap()["count"].(int64))
	}
	require.Equal(t, 2*64+2, lost)
}

// untrimmable fails to trim the quarantine of one agent, and records the others that were trimmed.
type untrimmable struct {
	slowStore
	agent   string
	mu      sync.Mutex
	trimmed map[string]bool
}

func (s *untrimmable) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	if request.Scope == s.agent {
		return 0, errors.New("the database does not answer")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trimmed[request.Scope] = true
	return s.Store.Trim(ctx, request)
}

func TestTheOtherQuarantinesAreTrimmedIfOneIsNot(t *testing.T) {
	t.Parallel()
	store := &untrimmable{slowStore: slowStore{begun: make(chan struct{}, 1), free: make(chan struct{})}, agent: "agent-0", trimmed: map[string]bool{}}
	c := config()
	c.Agents[store.agent] = []string{"secret-0"}
	want := map[string]bool{agent: true}
	for n := 1; n < 8; n++ {
		name := fmt.Sprintf("agent-%d", n)
		c.Agents[name], want[name] = []string{fmt.Sprintf("secret-%d", n)}, true
	}
	f := start(t, c, func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	forge := func(agent string) { require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, paused).status) }
	forge(agent)
	eventually(t, "the disk is busy", func() bool { return len(store.begun) == 1 })
	for name := range c.Agents { // they wait, and are then one batch
		if name != agent {
			forge(name)
		}
	}
	close(store.free)
	require.NoError(t, f.stop())
	require.Equal(t, want, store.trimmed)
	require.Len(t, f.kept(t), len(c.Agents))
	require.Empty(t, f.logs.FilterMessage("refused webhooks were not stored in the quarantine").All())
	failed := f.logs.FilterMessage("quarantine not trimmed").All()
	require.Len(t, failed, 1)
	require.Equal(t, store.agent, failed[0].ContextMap()["agent"])
}
