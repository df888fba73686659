package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestEventsOfALaneAreSentInOrderAndTogether(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const lanes, perLane = 20, 12
	for n := range perLane {
		for lane := range lanes {
			f.temporal.run(fmt.Sprintf("offload-case/order-%d", lane))
			f.keepOffload(t, fmt.Sprintf("order-%d", lane), fmt.Sprintf("evt-%02d", n))
		}
	}
	f.start(t, relay.Config{Concurrency: 4})
	f.noPending(t)

	got := map[string][]string{}
	for _, s := range f.temporal.sent() {
		require.Equal(t, workflows.SignalOffloadEvents, s.name)
		for _, e := range caseEvents(t, s) {
			got[s.workflowID] = append(got[s.workflowID], e.DedupeKey)
		}
	}
	require.Len(t, got, lanes)
	for lane, keys := range got {
		require.Len(t, keys, perLane, lane)
		require.IsIncreasing(t, keys, lane)
	}
	require.Len(t, f.temporal.sent(), lanes, "all events of a lane go in one signal")
}

func TestAnEventCarriesTheMetadataOfItsDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	keyed := f.keepOffload(t, "order-1", "evt-1")
	unkeyed := f.keepOffload(t, "order-1", "")
	f.start(t, relay.Config{})
	f.noPending(t)
	require.Equal(t, inbox.StateDelivered, f.get(t, keyed).State)

	events := caseEvents(t, f.temporal.sent()[0])
	require.Equal(t, workflows.EventMeta{
		DeliveryID: keyed, DedupeKey: "evt-1", Kind: "case.completed", OccurredAt: time.UnixMilli(1774131900000).UTC(), ReceivedAt: f.clock.Now(),
	}, events[0].EventMeta)
	require.False(t, events[0].Unproven)
	require.Equal(t, "delivery/"+unkeyed, events[1].DedupeKey, "an event without a key counts as new")
}

func TestWhileTemporalIsAwayAllDeliveriesAreHeldBackAndNoAttemptIsCounted(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]error{
		"unavailable":       serviceerror.NewUnavailable("connection refused"),
		"deadline":          context.DeadlineExceeded,
		"overloaded":        serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED, "slow down"),
		"internal":          serviceerror.NewInternal("database is gone"),
		"namespace missing": serviceerror.NewNamespaceNotFound("default"),
		"permission denied": serviceerror.NewPermissionDenied("no", "no"),
		"key not known":     status.Error(codes.Unauthenticated, "no"),
		"an unknown error":  errors.New("what is this"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.temporal.down = down
			var ids []string
			for i := range 30 {
				f.temporal.run(fmt.Sprintf("offload-case/order-%d", i))
				ids = append(ids, f.keepOffload(t, fmt.Sprintf("order-%d", i), "evt"))
			}
			// A sender that stalls between its signal and the probe may find Temporal back. One of these errors then counts as one attempt.
			counted := 0
			if name == "internal" || name == "an unknown error" {
				counted = 1
			}
			f.start(t, relay.Config{MaxAttempts: 1 + counted, Concurrency: 4})
			eventually(t, "held back", func() bool { return f.relay.Check(t.Context()) != nil })
			require.ErrorIs(t, f.relay.Check(t.Context()), down)
			require.InDelta(t, 1, f.metric(t, "signalbox_relay_held_back", ""), 0)

			f.temporal.set(func(f *fakeTemporal) { f.down = nil })
			// A delivery that failed before the gate shut may have a pause of its retry left.
			f.passTime(t, time.Second, "all delivered", func() bool {
				counts, err := f.store.Counts(t.Context())
				return err == nil && counts[inbox.StateDelivered] == 30
			})
			require.NoError(t, f.relay.Check(t.Context()))
			for _, id := range ids {
				require.LessOrEqual(t, f.get(t, id).Attempts, counted)
			}
		})
	}
}

func TestWhileHeldBackOnlyProbesAreSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.down = serviceerror.NewUnavailable("connection refused")
	for i := range 100 {
		f.keepOffload(t, fmt.Sprintf("order-%d", i), "evt")
	}
	claims := &countedClaims{Store: f.store}
	f.store = claims
	f.start(t, relay.Config{Concurrency: 4})
	eventually(t, "held back", func() bool { return f.relay.Check(t.Context()) != nil })
	probes := func() int {
		f.temporal.mu.Lock()
		defer f.temporal.mu.Unlock()
		return f.temporal.described
	}
	before := probes()
	eventually(t, "two more probes", func() bool { return probes() >= before+2 })
	f.stop()
	require.LessOrEqual(t, f.count(), 4, "one signal of each sender at most")
	require.LessOrEqual(t, claims.count.Load(), int64(3), "the relay claims nothing while it can't send")
}

type countedClaims struct {
	inbox.Store
	count atomic.Int64
}

func (s *countedClaims) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	s.count.Add(1)
	return s.Store.Claim(ctx, request)
}

func TestAFailureOfOneWorkflowDoesNotHoldBackOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		err     error
		counted bool
	}{
		{"internal", serviceerror.NewInternal("invalid UTF-8"), true},
		{"invalid argument", serviceerror.NewInvalidArgument("unusable"), true},
		{"an error of no known type", errors.New("shard status unknown"), true},
		{"a run that has had all its signals", serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), false},
		{"not ready", serviceerror.NewWorkflowNotReady("not ready"), false},
		{"busy", serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW, "busy"), false},
		{"a key that is not known for a moment", status.Error(codes.Unauthenticated, "no"), false},
		{"a call that takes too long", serviceerror.NewDeadlineExceeded("too long"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.temporal.run("offload-case/bad", "offload-case/good")
			f.temporal.broken["offload-case/bad"] = tt.err
			first, second := f.keepOffload(t, "bad", "evt-1"), f.keepOffload(t, "bad", "evt-2")
			good := f.keepOffload(t, "good", "evt-1")
			f.start(t, relay.Config{MaxAttempts: 3})
			f.becomes(t, good, inbox.StateDelivered)
			eventually(t, "the reason is stored", func() bool { return f.get(t, first).Reason != "" })
			require.NoError(t, f.relay.Check(t.Context()))

			if !tt.counted {
				for range 20 {
					calls := f.count()
					f.passTime(t, 10*time.Minute, "another try", func() bool { return f.count() > calls })
				}
				require.Equal(t, inbox.StatePending, f.get(t, first).State)
				require.Zero(t, f.get(t, first).Attempts)
				return
			}
			for attempt := 1; attempt < 3; attempt++ {
				eventually(t, "an attempt", func() bool { return f.get(t, first).Attempts == attempt })
				require.Equal(t, inbox.StatePending, f.get(t, first).State)
				if attempt == 2 {
					// The next delivery starts with no attempts.
					f.temporal.set(func(f *fakeTemporal) { f.mendAfter("offload-case/bad", 1) })
				}
				f.clock.advance(10 * time.Minute)
			}
			require.Equal(t, 2, f.becomes(t, first, inbox.StateDead).Attempts, "the last attempt ends it")
			f.becomes(t, second, inbox.StateDelivered)
		})
	}
}

func TestARefusedEventDoesNotCostTheOthersAnAttempt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	f.temporal.poison = "evt-bad"
	first, bad, last := f.keepOffload(t, "order-1", "evt-1"), f.keepOffload(t, "order-1", "evt-bad"), f.keepOffload(t, "order-1", "evt-2")
	f.start(t, relay.Config{MaxAttempts: 3})
	f.passTime(t, time.Second, "settled", func() bool {
		return f.get(t, last).State != inbox.StatePending
	})
	require.Equal(t, inbox.StateDelivered, f.get(t, first).State)
	require.Equal(t, inbox.StateDead, f.get(t, bad).State)
	require.Equal(t, inbox.StateDelivered, f.get(t, last).State)
}

func (f *fixture) count() int {
	f.temporal.mu.Lock()
	defer f.temporal.mu.Unlock()
	return f.temporal.calls
}

func TestAnEventWaitsForItsWorkflowDuringTheGraceTime(t *testing.T) {
	t.Parallel()
	t.Run("and is delivered when it appears", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		id := f.keepOffload(t, "order-1", "evt")
		f.start(t, relay.Config{})
		eventually(t, "the reason is stored", func() bool { return f.get(t, id).Reason == "no such workflow" })
		require.Equal(t, inbox.StatePending, f.get(t, id).State)
		f.temporal.run("offload-case/order-1")
		f.clock.advance(time.Minute)
		d := f.becomes(t, id, inbox.StateDelivered)
		require.Zero(t, d.Attempts)
	})
	t.Run("and is parked after it", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		id := f.keepOffload(t, "order-1", "evt")
		f.start(t, relay.Config{})
		eventually(t, "a first try", func() bool { return f.get(t, id).Reason != "" })
		calls := f.count()
		f.passTime(t, 2*time.Second, "another try", func() bool {
			return f.count() > calls
		})
		require.Equal(t, inbox.StatePending, f.get(t, id).State, "the grace time is not over")
		f.clock.advance(15 * time.Minute)
		f.becomes(t, id, inbox.StateUnmatched)
		require.Empty(t, f.temporal.sent())
	})
}

func TestTheGraceTimeStartsWithTheFirstSignal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.down = serviceerror.NewUnavailable("connection refused")
	id := f.keepOffload(t, "order-1", "evt")
	f.start(t, relay.Config{})
	eventually(t, "held back", func() bool { return f.relay.Check(t.Context()) != nil })
	f.clock.advance(time.Hour)
	f.temporal.set(func(f *fakeTemporal) { f.down = nil })
	eventually(t, "the workflow is looked for", func() bool { return f.get(t, id).Reason == "no such workflow" })
	d := f.get(t, id)
	require.Equal(t, inbox.StatePending, d.State)
	require.Equal(t, f.clock.Now(), d.UnmatchedSince)

	f.clock.advance(14 * time.Minute)
	later := f.keepOffload(t, "order-1", "evt-later")
	eventually(t, "it is looked for again", func() bool { return f.get(t, later).Reason == "no such workflow" })
	require.Equal(t, inbox.StatePending, f.get(t, id).State)
	require.Equal(t, f.clock.Now(), f.get(t, later).UnmatchedSince, "each event has its own grace time")
	f.temporal.run("offload-case/order-1")
	f.clock.advance(time.Minute)
	require.Zero(t, f.becomes(t, id, inbox.StateDelivered).Attempts)
	f.becomes(t, later, inbox.StateDelivered)
}

func TestAnEventForAClosedWorkflowIsLate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.status["offload-case/order-1"] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	id := f.keepOffload(t, "order-1", "evt")
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateLate)
}

// The answer to a signal may be lost. If the signal ended the case, the next try meets a closed workflow.
func TestAnEventThatItsClosedWorkflowHasIsDelivered(t *testing.T) {
	t.Parallel()
	const workflowID = "offload-case/order-1"
	for name, tt := range map[string]struct {
		closed  time.Duration // after the event came
		applied time.Duration // -1: the workflow can't be asked
		state   inbox.State
		reason  string
	}{
		"it has it":                 {closed: time.Second, state: inbox.StateDelivered},
		"it has another":            {closed: time.Second, applied: time.Millisecond, state: inbox.StateLate, reason: "the workflow closed after this delivery arrived; it may have received it"},
		"it can't be asked":         {closed: time.Second, applied: -1, state: inbox.StateLate, reason: "the workflow closed after this delivery arrived; it may have received it"},
		"it was closed before that": {closed: -time.Second, state: inbox.StateLate, reason: "the workflow is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.temporal.status[workflowID] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
			f.temporal.closedAt[workflowID] = f.clock.Now().Add(tt.closed)
			if tt.applied >= 0 {
				f.temporal.lastApplied[workflowID] = f.clock.Now().Add(tt.applied)
			}
			id := f.keepOffload(t, "order-1", "evt")
			f.start(t, relay.Config{})
			require.Equal(t, tt.reason, f.becomes(t, id, tt.state).Reason)
		})
	}
}

func TestAnUnparseableDeliveryIsDeadAndTheRestIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	lane := offload.Lane("order-1")
	first := f.keepOffload(t, "order-1", "evt-1")
	broken := f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: lane, Kind: "?"}, `{"event_type":`)
	stranger := f.keep(t, inbox.Delivery{Provider: "nobody", Lane: "nowhere", Kind: "?"}, `{}`)
	last := f.keepOffload(t, "order-1", "evt-2")
	f.start(t, relay.Config{})
	f.becomes(t, last, inbox.StateDelivered)
	require.Equal(t, inbox.StateDelivered, f.get(t, first).State)
	require.Contains(t, f.becomes(t, broken, inbox.StateDead).Reason, "body is not an event")
	require.Contains(t, f.becomes(t, stranger, inbox.StateDead).Reason, "unknown provider")
}

func TestABodyThatCannotBeOpenedBlocksItsLaneOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1", "offload-case/order-2")
	moved := inbox.NewID(f.clock.Now())
	// This body is sealed for another case: a body must not open in another lane.
	body, err := f.keys.Seal([]byte(completed("evt-1")), hook.BodyContext(offload.Name, offload.Lane("order-2"), moved)...)
	require.NoError(t, err)
	_, err = f.store.Append(t.Context(), []inbox.Delivery{{
		ID: moved, Provider: offload.Name, Lane: offload.Lane("order-1"), Body: body, ReceivedAt: f.clock.Now(), State: inbox.StatePending,
	}})
	require.NoError(t, err)
	behind := f.keepOffload(t, "order-1", "evt-2")
	other := f.keepOffload(t, "order-2", "evt-1")
	f.start(t, relay.Config{MaxAttempts: 2})
	f.becomes(t, other, inbox.StateDelivered)
	eventually(t, "an attempt is counted", func() bool { return f.get(t, moved).Attempts == 1 })
	require.Equal(t, inbox.StatePending, f.get(t, behind).State)
	f.clock.advance(time.Hour)
	f.becomes(t, moved, inbox.StateDead)
	f.becomes(t, behind, inbox.StateDelivered)
}

func TestASignalStaysBelowItsLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1", "offload-case/order-2")
	large := func(n int) string {
		return `{"event_type":"case.completed","data":{"caseId":"c1","result":{"text":"` + strings.Repeat("x", n) + `"}}}`
	}
	for range 5 {
		f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("order-1")}, large(100<<10))
	}
	f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("order-2")}, large(600<<10))
	f.start(t, relay.Config{})
	f.noPending(t)
	signals := map[string]int{}
	for _, s := range f.temporal.sent() {
		require.LessOrEqual(t, len(s.payload), 256<<10)
		signals[s.workflowID]++
		for _, e := range caseEvents(t, s) {
			require.Equal(t, s.workflowID == "offload-case/order-2", e.Facts.Omits("result"))
		}
	}
	require.Equal(t, map[string]int{"offload-case/order-1": 3, "offload-case/order-2": 1}, signals)
}

func TestAStopWaitsForSignalsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.temporal.hook = func(string) {
		once.Do(func() { close(entered) })
		<-leave
	}
	// The cleanup also runs if the test fails before it lets the signal end.
	release := sync.OnceFunc(func() { close(leave) })
	id := f.keepOffload(t, "order-1", "evt")
	f.start(t, relay.Config{SignalTimeout: time.Minute, Lease: 4 * time.Minute})
	t.Cleanup(release)
	await(t, "a signal under way", entered)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		f.stop()
	}()
	select {
	case <-stopped:
		t.Fatal("stopped while a signal was under way")
	case <-time.After(20 * time.Millisecond):
	}
	release()
	await(t, "the stop", stopped)
	require.Equal(t, inbox.StateDelivered, f.get(t, id).State)
}

// stoppedClaim is an inbox that commits a claim while the relay is stopped.
type stoppedClaim struct {
	inbox.Store
	stop func()
}

func (s stoppedClaim) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	lanes, err := s.Store.Claim(context.WithoutCancel(ctx), request)
	if len(lanes) == 0 {
		return lanes, err
	}
	s.stop()
	if ctx.Err() != nil {
		return nil, ctx.Err() // as the stores do
	}
	return lanes, err
}

func TestAStopReleasesTheLanesThatAreBeingClaimed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	real := f.store
	claimed := make(chan struct{})
	f.store = stoppedClaim{Store: real, stop: func() {
		f.cancel()
		close(claimed)
	}}
	f.start(t, relay.Config{})
	f.keepOffload(t, "order-1", "evt")
	await(t, "a claim", claimed)
	f.stop()
	lanes, err := real.Claim(t.Context(), inbox.ClaimRequest{Owner: "next", Now: f.clock.Now(), Lease: time.Minute, MaxLanes: 9, MaxPerLane: 9})
	require.NoError(t, err)
	require.Len(t, lanes, 1)
	require.Empty(t, f.temporal.sent())
}

// forgetful is an inbox whose settlements are lost, as by a crash between the signal and the settlement.
type forgetful struct {
	inbox.Store
	lost atomic.Int64
}

func (s *forgetful) Settle(context.Context, inbox.SettleRequest) error {
	s.lost.Add(1)
	return errors.New("disk is gone")
}

func TestACrashBetweenSignalAndSettlementRepeatsTheSameDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	id := f.keepOffload(t, "order-1", "evt")
	real := f.store
	crashing := &forgetful{Store: real}
	f.store = crashing
	f.start(t, relay.Config{Owner: "crashes"})
	eventually(t, "a settlement is lost", func() bool { return crashing.lost.Load() > 0 })
	f.stop()
	f.store = real
	require.Equal(t, inbox.StatePending, f.get(t, id).State)

	f.start(t, relay.Config{Owner: "next"})
	f.clock.advance(2 * time.Minute) // the first relay's lease
	f.becomes(t, id, inbox.StateDelivered)
	sent := f.temporal.sent()
	require.Len(t, sent, 2)
	for _, s := range sent {
		require.Equal(t, id, caseEvents(t, s)[0].DeliveryID)
	}
}

func TestNewEventsDoNotShortenThePausesBetweenAttempts(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]error{
		"internal":         serviceerror.NewInternal("invalid UTF-8"),
		"invalid argument": serviceerror.NewInvalidArgument("unusable"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.temporal.run("offload-case/bad")
			f.temporal.broken["offload-case/bad"] = refusal
			head := f.keepOffload(t, "bad", "evt")
			began, arrivals := f.clock.Now(), 0
			f.start(t, relay.Config{PollInterval: time.Millisecond})
			for f.get(t, head).State != inbox.StateDead && f.clock.Now().Sub(began) < 2*time.Hour {
				f.idle(t)
				f.keepOffload(t, "bad", fmt.Sprintf("evt-%d", arrivals))
				arrivals++
				f.clock.advance(30 * time.Second)
			}
			dead := f.get(t, head)
			require.Equal(t, 19, dead.Attempts, "the last attempt ends it")
			require.InDelta(t, 60, dead.SettledAt.Sub(began).Minutes(), 15)
		})
	}
}

func TestNewDeliveriesWakeTheRelay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	f.start(t, relay.Config{PollInterval: time.Hour})
	for n := range 50 {
		f.becomes(t, f.keepOffload(t, "order-1", fmt.Sprintf("evt-%d", n)), inbox.StateDelivered)
	}
}

// hooked calls after once, after the first claim that found something.
type hooked struct {
	inbox.Store
	once  sync.Once
	after func()
}

func (h *hooked) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	lanes, err := h.Store.Claim(ctx, request)
	if len(lanes) > 0 {
		h.once.Do(h.after)
	}
	return lanes, err
}

func TestWhatAnotherProcessStoresMeanwhileIsClaimedSoonAfter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	f.temporal.run("offload-case/order-2")
	stored := make(chan string, 1)
	f.store = &hooked{Store: f.store, after: func() {
		id := f.keepOffload(t, "order-2", "evt")
		<-f.store.Wake() // another process would not wake this one
		stored <- id
	}}
	f.start(t, relay.Config{PollInterval: time.Hour})
	f.keepOffload(t, "order-1", "evt")
	f.becomes(t, <-stored, inbox.StateDelivered)
}

// counted counts claims.
type counted struct {
	inbox.Store
	wake   chan struct{}
	claims atomic.Int64
}

func (c *counted) Wake() <-chan struct{} { return c.wake }

func (c *counted) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	c.claims.Add(1)
	return c.Store.Claim(ctx, request)
}

func TestClaimsPauseWhileLanesAreStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.temporal.run("offload-case/order-1", "offload-case/order-2")
		answered := make(chan struct{})
		f.temporal.hook = func(workflowID string) {
			if workflowID == "offload-case/order-1" {
				<-answered
			}
		}
		store := &counted{Store: f.store, wake: make(chan struct{}, 1)}
		f.store = store
		f.keepOffload(t, "order-1", "evt")
		f.start(t, relay.Config{PollInterval: time.Hour})
		pass := func(ms int) {
			for range ms {
				select {
				case store.wake <- struct{}{}:
				default:
				}
				<-time.After(time.Millisecond)
				f.clock.advance(time.Millisecond)
				synctest.Wait()
			}
		}
		pass(200)
		other := f.keepOffload(t, "order-2", "evt")
		pass(10)
		require.Equal(t, inbox.StateDelivered, f.get(t, other).State, "a lane is not stuck as long as Temporal may just be far away")
		pass(100)
		before := store.claims.Load()
		pass(1000)
		require.Less(t, store.claims.Load()-before, int64(25))
		close(answered)
		f.noPending(t)
	})
}

func TestMetricsShowPendingDeliveriesAndTheirAge(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepOffload(t, "order-1", "evt")
	f.start(t, relay.Config{})
	f.clock.advance(90 * time.Second)
	require.InDelta(t, 1, f.metric(t, "signalbox_inbox_deliveries", "pending"), 0)
	require.InDelta(t, 90, f.metric(t, "signalbox_inbox_oldest_pending_seconds", ""), 0)
	require.InDelta(t, 0, f.metric(t, "signalbox_relay_held_back", ""), 0)
	require.Positive(t, f.metric(t, "signalbox_inbox_bytes", "tables"))
	require.Positive(t, f.metric(t, "signalbox_inbox_bytes", "log"))

	f.temporal.run("offload-case/order-1")
	f.passTime(t, time.Minute, "delivered", func() bool {
		return f.metric(t, "signalbox_inbox_deliveries", "pending") == 0
	})
	require.InDelta(t, 0, f.metric(t, "signalbox_inbox_oldest_pending_seconds", ""), 0)
	eventually(t, "counted", func() bool { return f.metric(t, "signalbox_relay_settled_total", "delivered") >= 1 })
}

func TestMetricsCountEventsAndUndocumentedFields(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.status["offload-case/closed"] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	f.start(t, relay.Config{})
	require.Zero(t, f.metric(t, "signalbox_relay_events_total", "artmail"))
	body := `{"event_type":"case.completed","event_id":"evt-1","timestamp":1774131900000,"brandNew":1,"data":{"caseId":"c1","status":"COMPLETED","attemptCount":"many","other":{"x":1}}}`
	keep := func(reference string) string {
		return f.keep(t, inbox.Delivery{
			Provider: offload.Name, Lane: offload.Lane(reference), Kind: workflows.KindCaseCompleted, DedupeKey: "evt-1",
		}, body)
	}
	startsLater, unknown, closed := keep("starts-later"), keep("unknown"), keep("closed")
	f.becomes(t, closed, inbox.StateLate)
	began := f.clock.Now()
	f.passTime(t, time.Second, "minutes pass", func() bool { return f.clock.Now().Sub(began) > 5*time.Minute })
	f.temporal.run("offload-case/starts-later")
	f.passTime(t, time.Second, "its workflow is found", func() bool { return f.get(t, startsLater).State == inbox.StateDelivered })
	f.parkUnmatched(t, unknown)
	require.InDelta(t, 1, f.metric(t, "signalbox_relay_events_total", "offload"), 0)
	const webhooks = 3 // each counts once, however often it was tried
	require.InDelta(t, 2*webhooks, f.metric(t, "signalbox_webhook_undocumented_fields_total", "offload"), 0)
	require.InDelta(t, webhooks, f.metric(t, "signalbox_webhook_unreadable_fields_total", "offload"), 0)
	require.Len(t, f.logs.FilterMessage("event has fields that can't be read").All(), webhooks)
}

func TestMetricsOfAnInboxThatIsAwayKeepTheLastValues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepOffload(t, "order-1", "evt")
	f.start(t, relay.Config{})
	require.InDelta(t, 1, f.metric(t, "signalbox_inbox_up", ""), 0)
	require.InDelta(t, 1, f.metric(t, "signalbox_inbox_deliveries", "pending"), 0)
	f.watched.away.Store(true)
	f.clock.advance(time.Hour)
	require.InDelta(t, 0, f.metric(t, "signalbox_inbox_up", ""), 0)
	require.InDelta(t, 1, f.metric(t, "signalbox_inbox_deliveries", "pending"), 0)
	require.InDelta(t, 3600, f.metric(t, "signalbox_inbox_oldest_pending_seconds", ""), 0, "its age grows although the inbox is away")
	f.watched.away.Store(false)
	require.InDelta(t, 1, f.metric(t, "signalbox_inbox_up", ""), 0)
}
