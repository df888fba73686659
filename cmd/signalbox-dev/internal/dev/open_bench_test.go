package dev_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The limits below hold for these defaults. Smaller numbers are for a quick trial.
var (
	openCases     = flag.Int("open-cases", 10_000, "open cases in the benchmark of open cases; more than twice the worker's cache")
	fewCases      = flag.Int("few-cases", 100, "open cases in what this is compared with")
	workflowCache = flag.Int("workflow-cache", 500, "workflows that a worker keeps in memory")
)

// BenchmarkAWebhookAmongOpenCases measures the time from Offload's webhook until the app has the outcome, among 10,000 open cases and among 100, in
// turns, and the worker's memory. The worker keeps 500 workflows in memory. Ingress and worker are processes of the production binary. Run it with
//
//	go test ./cmd/signalbox-dev/internal/dev -run '^$' -bench OpenCases -benchtime 60x -timeout 60m
//
// For a quick trial, add -args -open-cases 60 -few-cases 10 -workflow-cache 20.
func BenchmarkAWebhookAmongOpenCases(b *testing.B) {
	few, many := startFleet(b), startFleet(b)
	few.open(b, *fewCases)
	many.open(b, 2**workflowCache)
	filled := leastMemory(b, many.worker).bytes
	many.open(b, *openCases)
	opened := leastMemory(b, many.worker).bytes

	var amidFew, amidMany []time.Duration
	for b.Loop() {
		amidFew, amidMany = append(amidFew, few.endOne(b)), append(amidMany, many.endOne(b))
	}
	slices.Sort(amidFew)
	slices.Sort(amidMany)
	opened = max(opened, leastMemory(b, many.worker).bytes)
	p50Few, p50Many := loadtest.Quantile(amidFew, 0.50), loadtest.Quantile(amidMany, 0.50)
	b.ReportMetric(p50Few, "few-p50-ms")
	b.ReportMetric(p50Many, "many-p50-ms")
	b.ReportMetric(filled/(1<<20), "MiB-twice-cache")
	b.ReportMetric(opened/(1<<20), "MiB-many")
	require.LessOrEqual(b, opened, 1.2*filled, "the worker's memory")
	if b.N >= 20 {
		require.LessOrEqual(b, p50Many, 1.5*p50Few, "a webhook among many open cases")
	}
}

// fleet is a whole Signalbox with its open cases.
type fleet struct {
	providers *sim.Providers
	apps      *signalbox.Client
	// worker is the address of the worker's internal listener.
	worker  string
	cases   []*signalbox.Case
	started int
}

func startFleet(b *testing.B) *fleet {
	folder := b.TempDir()
	temporal, err := temporaldev.Start(b.Context(), temporaldev.Options{
		DatabaseFile: filepath.Join(folder, "temporal.db"), SearchAttributes: worker.SearchAttributes(),
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, temporal.Stop()) })
	client, err := temporal.Dial(b.Context())
	require.NoError(b, err)
	b.Cleanup(client.Close)
	path := filepath.Join(folder, "keys.json")
	keys, err := keyring.LoadOrCreate(path)
	require.NoError(b, err)
	const key = "key"
	ingress, internal := freeAddress(b), freeAddress(b)
	f := &fleet{worker: freeAddress(b)}
	f.providers, err = sim.Start(sim.Options{Listen: anyPort, PublicURL: "http://" + ingress, OffloadKey: key, AgentSecret: key})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.providers.Stop()) })
	shared := []string{
		"TEMPORAL_ADDRESS=" + temporal.FrontendAddr(), "TEMPORAL_NAMESPACE=" + temporal.Namespace(), "SIGNALBOX_KEYRING=" + path,
		"SIGNALBOX_PUBLIC_URL=http://" + ingress,
	}
	startProduction(b, "ingress", append(slices.Clone(shared), "SIGNALBOX_INBOX="+filepath.Join(folder, "inbox.db"), "SIGNALBOX_LISTEN="+ingress,
		"SIGNALBOX_INTERNAL_LISTEN="+internal)...)
	// The collector runs so often that the heap holds little but what is in use.
	startProduction(b, "worker", append(shared, "GOGC=5", "SIGNALBOX_INTERNAL_LISTEN="+f.worker, fmt.Sprintf("SIGNALBOX_WORKFLOW_CACHE=%d", *workflowCache),
		"SIGNALBOX_OFFLOAD_BASE_URL="+f.providers.OffloadURL(), "SIGNALBOX_OFFLOAD_API_KEY="+key)...)
	require.Eventually(b, func() bool { return statusOf(b, "http://"+ingress+"/readyz") == http.StatusOK }, processWithin, 20*time.Millisecond)
	f.apps, err = signalbox.New(client, signalbox.Options{Keyring: keys, PublicURL: "http://" + ingress})
	require.NoError(b, err)
	return f
}

// open starts cases until so many are open.
func (f *fleet) open(b *testing.B, count int) {
	started := make([]*signalbox.Case, count-len(f.cases))
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(8)
	for i := range started {
		start := silentCase(f.started + i)
		group.Go(func() (err error) {
			started[i], err = f.start(ctx, start)
			return err
		})
	}
	require.NoError(b, group.Wait())
	f.started += len(started)
	f.cases = append(f.cases, started...)
}

// start starts a case and waits until Offload has made it.
func (f *fleet) start(ctx context.Context, start workflows.CaseStart) (*signalbox.Case, error) {
	one, err := stories.Retry(ctx, func(ctx context.Context) (*signalbox.Case, error) { return f.apps.StartCase(ctx, start) })
	if err != nil {
		return nil, err
	}
	_, err = testenv.Await(ctx, func(ctx context.Context) (workflows.CaseState, error) {
		state, err := one.State(ctx)
		if err == nil && state.Status == workflows.CaseCreateUncertain {
			// On a busy machine the Temporal server can lose the start of an activity: then a person decides.
			_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "benchmark"})
		}
		return state, err
	}, func(state workflows.CaseState) bool { return state.Status == workflows.CaseRunning })
	return one, err
}

// endOne lets Offload end a random case, and returns the time until the app has the outcome. Then it opens another case.
func (f *fleet) endOne(b *testing.B) time.Duration {
	i := rand.IntN(len(f.cases))
	ending := f.cases[i]
	made := f.providers.Offload.CasesOf(ending.Reference())
	require.NotEmpty(b, made)
	began := time.Now()
	require.NoError(b, f.providers.Offload.Fail(made[0].CaseID, offloadsim.ResultMaxRetries, ""))
	outcome, err := ending.Wait(b.Context())
	took := time.Since(began)
	require.NoError(b, err)
	require.Equal(b, workflows.NewsByWebhook, outcome.Source)
	f.cases = slices.Delete(f.cases, i, i+1)
	f.open(b, len(f.cases)+1)
	return took
}
