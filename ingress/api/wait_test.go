package api_test

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestAWaitOutlastsQueriesThatMeetNoWorker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unanswered int
		query      string
		status     int
	}{
		"without a wait it is said at once": {1, "", http.StatusServiceUnavailable},
		"it is asked again":                 {2, "?wait=60s", http.StatusOK},
		"until the time ends":               {math.MaxInt, "?wait=1s", http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.temporal.become("offload-case/asks", workflows.CaseState{Reference: "asks", Status: workflows.CaseInputNeeded})
			w.temporal.unanswered = c.unanswered
			got := w.get(t, "", "/v1/cases/asks"+c.query)
			require.Equal(t, c.status, got.status, "%s", got.body)
			require.Equal(t, c.status == http.StatusServiceUnavailable, got.header.Get("Retry-After") != "")
			if c.status != http.StatusOK {
				return
			}
			var state workflows.CaseState
			got.into(t, &state)
			require.Equal(t, workflows.CaseInputNeeded, state.Status)
		})
	}
}

func TestAWaitAnswersWithTheLastStateThatWasRead(t *testing.T) {
	t.Parallel()
	const newer = "this is newer, and no reason to stop waiting"
	var got workflows.CaseState
	for tries := 0; got.WaitingFor != newer && tries < 10; tries++ { // on a busy machine it may not be read in time
		w := newWorld(t, nil)
		state := workflows.CaseState{Reference: "slow", Status: workflows.CaseRunning, Since: clock}
		w.temporal.become("offload-case/slow", state)
		state.WaitingFor = newer
		time.AfterFunc(100*time.Millisecond, func() { w.temporal.become("offload-case/slow", state) })
		w.get(t, "", "/v1/cases/slow?wait=2s").into(t, &got)
	}
	require.Equal(t, newer, got.WaitingFor)
}

func TestAnAbandonedWaitIsNoFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/slow", workflows.CaseState{Reference: "slow", Status: workflows.CaseRunning})
	spans := tracetest.NewSpanRecorder()
	w.deps.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	server, err := api.New(w.deps)
	require.NoError(t, err)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/cases/slow?wait=60s", nil))
	}()
	w.follows(t, 1)
	leave()
	<-answered
	require.Equal(t, 1, w.log.Len())
	require.Equal(t, zap.DebugLevel, w.log.All()[0].Level)
	require.Len(t, spans.Ended(), 1)
	require.Equal(t, codes.Unset, spans.Ended()[0].Status().Code)
}

func TestOneTokenLeavesRoomForTheWaitsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("offload-case/slow", workflows.CaseState{Reference: "slow", Account: "emea", Status: workflows.CaseRunning})
	w.temporal.become("offload-case/asks", workflows.CaseState{Reference: "asks", Status: workflows.CaseInputNeeded})
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() { w.get(t, adminSecret, "/v1/cases/slow?wait=60s") })
	}
	w.follows(t, 500)
	refused := w.get(t, adminSecret, "/v1/cases/slow?wait=60s")
	require.Equal(t, 503, refused.status)
	require.Contains(t, refused.problem(t).Detail, "ask without wait")
	require.Equal(t, 200, w.get(t, adminSecret, "/v1/cases/asks?wait=60s").status, "there is nothing to wait for")
	all.Go(func() { w.get(t, emeaSecret, "/v1/cases/slow?wait=60s") })
	w.follows(t, 501)
	w.server.Stop()
	all.Wait()
}

// follows waits until so many calls follow a case.
func (w *world) follows(t *testing.T, calls int64) {
	t.Helper()
	testenv.Eventually(t, func(context.Context) (int64, error) { return w.temporal.following.Load(), nil }, func(n int64) bool { return n == calls })
}
