package relay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
)

// often is a short ReplayInterval, so that a test sees many passes.
var often = relay.Config{ReplayInterval: 5 * time.Millisecond}

// parkUnmatched waits until the grace time of each delivery is over.
func (f *fixture) parkUnmatched(tb testing.TB, ids ...string) {
	tb.Helper()
	for _, id := range ids {
		// An event behind another one in its lane waits with it.
		f.passTime(tb, time.Second, "its workflow is looked for", func() bool {
			return f.get(tb, id).Reason == "no such workflow"
		})
	}
	f.clock.advance(16 * time.Minute)
	for _, id := range ids {
		f.becomes(tb, id, inbox.StateUnmatched)
	}
}

func TestAnEventBecomesUnmatchedThoughTheClockWasAheadWhenItCame(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	id := f.keepOffload(t, "order-1", "evt")
	eventually(t, "its workflow is looked for", func() bool { return !f.get(t, id).UnmatchedSince.IsZero() })
	f.clock.advance(-24 * time.Hour)
	f.passTime(t, time.Second, "its workflow is looked for again", func() bool { return !f.get(t, id).UnmatchedSince.After(f.clock.Now()) })
	f.clock.advance(16 * time.Minute)
	f.becomes(t, id, inbox.StateUnmatched)
}

func TestWhenACaseStartsItsUnmatchedEventsAreReplayed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	var ids []string
	for n := range 3 {
		ids = append(ids, f.keepOffload(t, "order-1", fmt.Sprintf("evt-%d", n)))
	}
	other := f.keepOffload(t, "order-2", "evt")
	byCaseID, byReference := f.keepShared(t, "c3", ""), f.keepShared(t, "c4", "order-4")
	quoted := f.keepShared(t, "c' OR ''='", "")
	f.parkUnmatched(t, append(ids, other, byCaseID, byReference, quoted)...)

	f.temporal.set(func(f *fakeTemporal) { f.cases["c3"] = "offload-case/order-3" })
	f.temporal.run("offload-case/order-1", "offload-case/order-3", "offload-case/order-4")
	for _, id := range append(ids, byCaseID, byReference) {
		require.Zero(t, f.becomes(t, id, inbox.StateDelivered).Attempts)
	}
	require.Equal(t, inbox.StateUnmatched, f.get(t, other).State)
	require.Equal(t, inbox.StateUnmatched, f.get(t, quoted).State)

	sent := map[string][]string{}
	for _, s := range f.temporal.sent() {
		for _, e := range caseEvents(t, s) {
			sent[s.workflowID] = append(sent[s.workflowID], e.DeliveryID)
		}
	}
	require.Equal(t, map[string][]string{"offload-case/order-1": ids, "offload-case/order-3": {byCaseID}, "offload-case/order-4": {byReference}}, sent)
	f.stop()
	require.False(t, slices.ContainsFunc(f.temporal.queries, func(q string) bool { return strings.Contains(q, "OR") }))
}

// end lists cases as closed at the clock's time, though they were never listed as running. Temporal no longer knows deleted ones.
func (f *fixture) end(deleted bool, workflowIDs ...string) {
	f.temporal.set(func(t *fakeTemporal) {
		for _, id := range workflowIDs {
			t.status[id], t.closedAt[id], t.deleted[id] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, f.clock.Now(), deleted
		}
	})
}

func TestUnmatchedEventsAreReplayedThoughTheirCaseHasEndedBeforeItWasSeen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	own, shared := f.keepOffload(t, "order-1", "evt"), f.keepShared(t, "c2", "")
	f.parkUnmatched(t, own, shared)
	f.clock.advance(time.Hour)
	f.temporal.set(func(t *fakeTemporal) { t.cases["c2"] = "offload-case/order-2" })
	f.end(false, "offload-case/order-1", "offload-case/order-2")
	f.becomes(t, own, inbox.StateLate)
	f.becomes(t, shared, inbox.StateLate)
}

// Visibility may list a closed workflow for a while after Temporal has deleted it.
func TestAnUnmatchedEventOfADeletedCaseIsReplayedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	id := f.keepOffload(t, "order-1", "evt")
	f.parkUnmatched(t, id)
	f.end(true, "offload-case/order-1")
	f.becomes(t, id, inbox.StatePending)
	f.parkUnmatched(t, id)
	settled := f.get(t, id).SettledAt
	queries := func() int {
		f.temporal.mu.Lock()
		defer f.temporal.mu.Unlock()
		return len(f.temporal.queries)
	}
	before := queries()
	eventually(t, "more passes", func() bool { return queries() > before+3 })
	require.Equal(t, settled, f.get(t, id).SettledAt)
}

func TestAWebhookOfAnErasedCaseDoesNotReachTheNextCaseOfItsReference(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		erased, parked, gone bool
		// begun is when the next case begins, after the webhook came.
		begun time.Duration
		want  inbox.State
	}{
		"erased, in the grace time":              {erased: true, begun: time.Minute, want: inbox.StateLate},
		"erased, unmatched":                      {erased: true, parked: true, begun: time.Minute, want: inbox.StateLate},
		"came after the next case began":         {erased: true, begun: -time.Minute, want: inbox.StateDelivered},
		"not erased, in the grace time":          {begun: time.Minute, want: inbox.StateDelivered},
		"not erased, unmatched":                  {parked: true, begun: time.Minute, want: inbox.StateDelivered},
		"erased, but its beginning is not known": {erased: true, gone: true, begun: time.Minute, want: inbox.StateDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			lane := offload.Lane("order-1")
			if row.erased {
				require.NoError(t, f.store.Audit(t.Context(), inbox.AuditEntry{
					At: f.clock.Now(), Who: "ada", Action: inbox.ActErase, Subject: inbox.ErasedSubject(lane),
				}))
			}
			f.start(t, often)
			id, came := f.keepOffload(t, "order-1", "of the erased case"), f.clock.Now()
			eventually(t, "its workflow is looked for", func() bool { return f.get(t, id).Reason == "no such workflow" })
			if row.parked {
				f.parkUnmatched(t, id)
			}
			f.clock.advance(2 * time.Minute)
			f.temporal.set(func(f *fakeTemporal) { f.begun[lane], f.firstGone[lane] = came.Add(row.begun), row.gone })
			f.temporal.run(lane)
			own := f.keepOffload(t, "order-1", "of the next case")
			f.becomes(t, own, inbox.StateDelivered)
			got := f.becomes(t, id, row.want)
			if row.want == inbox.StateLate {
				require.NoError(t, f.store.Replay(t.Context(), id, f.clock.Now()))
				got = f.becomes(t, id, inbox.StateLate)
			}
			var sent []string
			for _, s := range f.temporal.sent() {
				for _, e := range caseEvents(t, s) {
					sent = append(sent, e.DeliveryID)
				}
			}
			if row.want == inbox.StateLate {
				require.Equal(t, "it came before this case began, and an earlier case of the reference was erased", got.Reason)
				require.Equal(t, []string{own}, sent)
			} else {
				require.ElementsMatch(t, []string{id, own}, sent)
			}
		})
	}
}

func TestAQueryThatIsRefusedKeepsNoOtherLaneUnmatched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	shared, id := f.keepShared(t, "c1", ""), f.keepOffload(t, "order-1", "evt")
	f.parkUnmatched(t, shared, id)
	f.temporal.set(func(f *fakeTemporal) {
		f.unqueryable = serviceerror.NewInvalidArgument("invalid query: column name 'SignalboxCaseId' is not defined")
	})
	f.temporal.run("offload-case/order-1")
	f.becomes(t, id, inbox.StateDelivered)
	require.Equal(t, inbox.StateUnmatched, f.get(t, shared).State)
}

func TestALockedLaneDoesNotKeepTheLanesBehindItUnmatched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	locked, behind := f.keepOffload(t, "order-1", "evt"), f.keepOffload(t, "order-2", "evt")
	f.parkUnmatched(t, locked, behind)
	f.watched.locked.Store(locked)
	f.temporal.run("offload-case/order-1", "offload-case/order-2")
	f.becomes(t, behind, inbox.StateDelivered)
	eventually(t, "the locked lane is named", func() bool {
		entries := f.logs.FilterMessage("replay unmatched deliveries").All()
		return len(entries) > 0 && strings.Contains(entries[0].ContextMap()["error"].(string), "lane offload-case/order-1: ")
	})
	require.Equal(t, inbox.StateUnmatched, f.get(t, locked).State)
	f.watched.locked.Store("")
	f.becomes(t, locked, inbox.StateDelivered)
}

func TestTwoRelaysReplayTheSameUnmatchedEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.start(t, often)
	second := *f
	config := often
	config.Owner = "relay-2"
	second.start(t, config)
	var ids []string
	for n := range 60 {
		ids = append(ids, f.keepOffload(t, fmt.Sprintf("order-%d", n), "evt"))
	}
	f.parkUnmatched(t, ids...)
	for n := range ids {
		f.temporal.run(fmt.Sprintf("offload-case/order-%d", n))
	}
	eventually(t, "all delivered", func() bool {
		counts, err := f.store.Counts(t.Context(), inbox.StatePending, inbox.StateUnmatched, inbox.StateDelivered)
		return err == nil && counts[inbox.StateDelivered] == int64(len(ids)) && counts[inbox.StatePending]+counts[inbox.StateUnmatched] == 0
	})
	f.stop()
	second.stop()
	seen := map[string]bool{}
	for _, s := range f.temporal.sent() {
		for _, e := range caseEvents(t, s) {
			seen[e.DeliveryID] = true
			require.Equal(t, "evt", e.DedupeKey, "the workflow recognises a repeated signal by its key")
		}
	}
	require.Len(t, seen, len(ids))
}

func TestVisibilityIsAskedOnlyWhileSomethingIsUnmatched(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.status["offload-case/order-2"] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	f.start(t, often)
	f.becomes(t, f.keepOffload(t, "order-2", "evt"), inbox.StateLate)
	id := f.keepOffload(t, "order-1", "evt")
	eventually(t, "its workflow is looked for", func() bool { return f.get(t, id).Reason == "no such workflow" })
	queries := func() int {
		f.temporal.mu.Lock()
		defer f.temporal.mu.Unlock()
		return len(f.temporal.queries)
	}
	require.Zero(t, queries())
	f.parkUnmatched(t, id)
	eventually(t, "a query", func() bool { return queries() > 0 })
}
