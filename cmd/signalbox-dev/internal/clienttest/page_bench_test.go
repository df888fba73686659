package clienttest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/api/page"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The promise holds for these defaults. Smaller numbers are for a quick trial.
var (
	manyCases      = flag.Int("cases", 10_000, "open cases in the benchmark of the page; one in ten asks a question")
	manyDeliveries = flag.Int("deliveries", 1_000_000, "deliveries in the benchmark of the page; three in a thousand are unmatched, late or dead")
)

const (
	// One case in oneAsks has an open question. Of oneOpen deliveries, one is unmatched, one late and one dead.
	oneAsks, oneOpen = 10, 1000
	// promised is the longest allowed median time to the first byte of a list.
	promised = 200 * time.Millisecond
)

// BenchmarkThePageWithManyCasesAndDeliveries requests each list and /health, with a real Temporal and a real inbox. It fails if a response lacks
// the expected text, or if the median time to the first byte of a list is above promised. Run it with
//
//	go test ./cmd/signalbox-dev/internal/clienttest -run '^$' -bench ThePage -benchtime 30x -timeout 60m
//
// For a quick trial, add -args -cases 200 -deliveries 10000.
func BenchmarkThePageWithManyCasesAndDeliveries(b *testing.B) {
	keys, err := keyring.Generate()
	require.NoError(b, err)
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, store.Close()) })
	// One after the other: while the inbox is written, workflow starts would exceed their deadline.
	require.NoError(b, fillCases(b.Context()))
	require.NoError(b, fillDeliveries(b.Context(), store))
	// Temporal lists a workflow only some time after its start.
	require.Eventually(b, func() bool {
		listed, err := shared.CountWorkflow(b.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND WorkflowId STARTS_WITH '%s'", workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID("many-")),
		})
		return err == nil && listed.Count >= int64(*manyCases)
	}, waitTimeout, time.Second)

	client, err := signalbox.New(shared, signalbox.Options{Keyring: keys, Deliveries: deliveries.New(func() (inbox.Store, error) { return store, nil }, time.Now)})
	require.NoError(b, err)
	calls, err := api.New(api.Deps{Client: client, Inbox: func() (inbox.Store, error) { return store, nil }, Keys: keys, Log: zap.NewNop(), Now: time.Now})
	require.NoError(b, err)
	server, err := page.New(page.Deps{
		API: calls, Keys: keys, Source: ingress.Sources(nil), Log: zap.NewNop(), Now: time.Now,
		Health: func(context.Context) (bool, []page.Check) { return true, nil },
	})
	require.NoError(b, err)

	const aCase, aDelivery = `<a href="/cases/many-`, `<a href="/deliveries/`
	for _, page := range []struct{ path, shows string }{
		{"/", aCase},
		{"/cases", aCase},
		{"/cases?state=INPUT_NEEDED", aCase},
		{"/cases?needsAttention=true", aCase},
		{"/cases?prefix=many-000", aCase},
		{"/cases?open=open&startedSince=2026-01-01", aCase},
		{"/activations", "No activation fits."},
		{"/notices", "No notices fit."},
		{"/deliveries", aDelivery},
		{"/deliveries?state=dead", aDelivery},
		{"/deliveries?state=delivered", aDelivery},
		{"/deliveries?reference=many-00077", aDelivery},
		{"/deliveries?kind=case.completed", aDelivery},
		{"/deliveries?kind=case.never", "No delivery fits."},
		{"/deliveries?state=unmatched&state=late", aDelivery},
		{"/deliveries?since=2026-01-01&until=2026-01-02", "No delivery fits."},
		{"/health", "Oldest pending"},
	} {
		path := page.path
		b.Run(path, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				recorder := httptest.NewRecorder()
				first := &firstByte{ResponseWriter: recorder, began: time.Now()}
				server.ServeHTTP(first, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost"+path, nil))
				times = append(times, first.after)
				if recorder.Code != http.StatusOK || !strings.Contains(recorder.Body.String(), page.shows) {
					b.Fatalf("%s: status %d, without %q:\n%s", path, recorder.Code, page.shows, recorder.Body)
				}
			}
			slices.Sort(times)
			median := times[len(times)/2]
			b.ReportMetric(float64(median)/1e6, "ms-median")
			b.ReportMetric(float64(times[len(times)-1])/1e6, "ms-slowest")
			if path != "/health" && median > promised {
				b.Errorf("%s: median time to the first byte is %s, want at most %s", path, median, promised)
			}
		})
	}
}

// firstByte measures the time until the first byte of a response.
type firstByte struct {
	http.ResponseWriter
	began time.Time
	after time.Duration
}

func (f *firstByte) Write(p []byte) (int, error) {
	if f.after == 0 {
		f.after = time.Since(f.began)
	}
	return f.ResponseWriter.Write(p)
}

func fillCases(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(32)
	for n := range *manyCases {
		group.Go(func() error {
			reference := fmt.Sprintf("many-%05d", n)
			shows := stubState{State: string(workflows.CaseRunning), Account: "default"}
			state := workflows.CaseState{Reference: reference, Account: "default", Status: workflows.CaseRunning, Since: time.Now()}
			if n < *manyCases/oneAsks {
				state.Status, state.Question = workflows.CaseInputNeeded, &workflows.Question{ID: "q1", Text: "Is a signed PDF fine?"}
				state.Attention = []string{workflows.AttentionInputNeeded}
				shows.State, shows.Attention, shows.DueAt = string(state.Status), state.Attention, time.Now().Add(time.Duration(n)*time.Second)
			}
			shows.Query = state
			for {
				err := begin(ctx, workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID(reference), shows)
				var late *serviceerror.DeadlineExceeded
				if ctx.Err() != nil || !errors.As(err, &late) && !errors.Is(err, context.DeadlineExceeded) {
					return err
				}
				// The server was too busy: start again. If the first start succeeded, the second attaches to it.
			}
		})
	}
	return group.Wait()
}

func fillDeliveries(ctx context.Context, store inbox.Store) error {
	const batch = 2000
	states := []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	began := time.Now().Add(-time.Duration(*manyDeliveries) * time.Second)
	for n := 0; n < *manyDeliveries; n += batch {
		list := make([]inbox.Delivery, batch)
		for i := range list {
			at := began.Add(time.Duration(n+i) * time.Second)
			id := inbox.NewID(at)
			list[i] = inbox.Delivery{
				ID: id, Provider: "offload", Lane: workflows.OffloadCaseWorkflowID(fmt.Sprintf("many-%05d", (n+i)%*manyCases)), Kind: workflows.KindCaseCompleted,
				DedupeKey: id, Fingerprint: make([]byte, 37), Body: make([]byte, 700), ReceivedAt: at, State: inbox.StatePending,
			}
		}
		receipts, err := store.Append(ctx, list)
		if err != nil {
			return err
		}
		ends := make([]inbox.Settlement, len(receipts))
		for i, receipt := range receipts {
			end := inbox.StateDelivered
			if which := (n + i) % oneOpen; which < len(states) {
				end = states[which]
			}
			ends[i] = inbox.Finish(receipt.ID, end, "")
		}
		if err := store.Settle(ctx, inbox.SettleRequest{Now: time.Now(), Settlements: ends}); err != nil {
			return err
		}
	}
	return nil
}
