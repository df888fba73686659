package dev_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

var production struct {
	once   sync.Once
	binary string
	err    error
}

// productionBinary is built once for all tests of this package, as it is shipped but for -trimpath and CGO_ENABLED=0, which would compile
// everything anew.
func productionBinary(t testing.TB) string {
	t.Helper()
	production.once.Do(func() {
		production.binary = filepath.Join(shared.folder, "signalbox")
		output, err := exec.CommandContext(context.Background(), "go", "build", "-ldflags=-s -w", "-o", production.binary, "../../../signalbox").CombinedOutput()
		if err != nil {
			production.err = fmt.Errorf("build signalbox: %w: %s", err, output)
		}
	})
	require.NoError(t, production.err)
	return production.binary
}

// startProduction runs the binary with the environment until the test ends, or the returned function is called.
func startProduction(t testing.TB, command string, env ...string) (stop func()) {
	t.Helper()
	process := exec.CommandContext(context.WithoutCancel(t.Context()), productionBinary(t), command)
	process.Dir, process.Env = t.TempDir(), env
	testenv.KillWithParent(process)
	var said bytes.Buffer
	process.Stdout, process.Stderr = &said, &said
	require.NoError(t, process.Start())
	stop = sync.OnceFunc(func() {
		_ = process.Process.Kill()
		_ = process.Wait() // its error is that it was killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestTheProductionBinaryIsSmallAndAcceptsWithinASecond(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(productionBinary(t))
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(60_000_000))
	keys := filepath.Join(t.TempDir(), "keys.json")
	_, err = keyring.LoadOrCreate(keys)
	require.NoError(t, err)
	// A busy machine slows a start down and never speeds it up, so the fastest of a few counts.
	fastest := time.Hour
	for range 10 {
		address := freeAddress(t)
		began := time.Now()
		stop := startProduction(t, "serve", "TEMPORAL_ADDRESS="+shared.TemporalAddress(), "SIGNALBOX_KEYRING="+keys, "SIGNALBOX_INBOX=inbox.db",
			"SIGNALBOX_LISTEN="+address, "SIGNALBOX_INTERNAL_LISTEN="+freeAddress(t), "SIGNALBOX_PUBLIC_URL=http://"+address,
			"SIGNALBOX_OFFLOAD_BASE_URL=http://127.0.0.1:1", "SIGNALBOX_OFFLOAD_API_KEY=unused")
		require.Eventually(t, func() bool { return statusOf(t, "http://"+address+"/readyz") == http.StatusOK }, processWithin, 2*time.Millisecond)
		fastest = min(fastest, time.Since(began))
		stop()
		if fastest <= time.Second {
			break
		}
	}
	limit := 20 * time.Second
	if os.Getenv("SIGNALBOX_TEST_TIMES") != "" {
		limit = time.Second
	}
	require.LessOrEqual(t, fastest, limit)
}

// A worker that keeps ten workflows has as much in memory with 200 open cases as with 20. One workflow in memory is about 60 kB and
// at least one goroutine: 180 kept would add half of what the process takes.
func TestAWorkersMemoryDoesNotGrowWithCasesBeyondItsCache(t *testing.T) {
	t.Parallel()
	temporal, err := temporaldev.Start(t.Context(), temporaldev.Options{SearchAttributes: worker.SearchAttributes()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	client, err := temporal.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	offload, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: "key", Owner: "test"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, offload.Close()) })
	provider := httptest.NewServer(offload)
	t.Cleanup(provider.Close)
	path := filepath.Join(t.TempDir(), "keys.json")
	keys, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	internal := freeAddress(t)
	// The collector runs so often that the heap holds little but what is in use.
	startProduction(t, "worker", "GOGC=5", "TEMPORAL_ADDRESS="+temporal.FrontendAddr(), "TEMPORAL_NAMESPACE="+temporal.Namespace(), "SIGNALBOX_KEYRING="+path,
		"SIGNALBOX_WORKFLOW_CACHE=10", "SIGNALBOX_INTERNAL_LISTEN="+internal, "SIGNALBOX_PUBLIC_URL=http://127.0.0.1:1",
		"SIGNALBOX_OFFLOAD_BASE_URL="+provider.URL, "SIGNALBOX_OFFLOAD_API_KEY=key")

	apps, err := signalbox.New(client, signalbox.Options{Keyring: keys})
	require.NoError(t, err)
	started := 0
	open := func(count int) {
		var group errgroup.Group
		group.SetLimit(16)
		for ; started < count; started++ {
			n := started
			group.Go(func() error {
				_, err := apps.StartCase(t.Context(), silentCase(n))
				for errors.Is(err, signalbox.ErrUnavailable) { // the machine is busy; a start may be repeated
					_, err = apps.StartCase(t.Context(), silentCase(n))
				}
				return err
			})
		}
		require.NoError(t, group.Wait())
		// On a slow machine an answer of Offload comes too late and its case is uncertain: it waits like the others.
		query := fmt.Sprintf("%s IN ('%s', '%s')", workflows.SearchAttributeState, workflows.CaseRunning, workflows.CaseCreateUncertain)
		require.Eventually(t, func() bool {
			counted, err := client.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			return err == nil && counted.GetCount() == int64(count)
		}, 5*time.Minute, 50*time.Millisecond, "%d cases are open", count)
	}
	open(20)
	few := leastMemory(t, internal)
	open(200)
	many := leastMemory(t, internal)
	t.Logf("with 20 open cases %+v, with 200 %+v", few, many)
	require.LessOrEqual(t, many.bytes, few.bytes*1.2)
	require.Less(t, many.goroutines, few.goroutines+30)
}

// silentCase is one that Offload creates and of which it then says nothing.
func silentCase(n int) workflows.CaseStart {
	return workflows.CaseStart{
		Reference: fmt.Sprintf("silent-%d", n),
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
			Counterparty: workflows.Counterparty{Address: string(offloadsim.ScriptManual) + "@vendor.example", Name: "Ada Vendor"},
		},
		// A read would be work while memory is measured.
		Options: workflows.CaseOptions{ReconcileAfter: workflows.Duration(24 * time.Hour)},
	}
}

// memory is what a process has in use.
type memory struct{ bytes, goroutines float64 }

// leastMemory asks a few times: what is on its way out, such as a connection's buffer, only adds to an answer.
func leastMemory(t testing.TB, internal string) (least memory) {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for n := range 10 {
		<-again.C
		m := memory{
			bytes:      gauge(t, internal, "go_memstats_heap_alloc_bytes") + gauge(t, internal, "go_memstats_stack_inuse_bytes"),
			goroutines: gauge(t, internal, "go_goroutines"),
		}
		if n == 0 {
			least = m
		}
		least = memory{min(least.bytes, m.bytes), min(least.goroutines, m.goroutines)}
	}
	return least
}

// gauge is a metric without labels.
func gauge(t testing.TB, internal, name string) float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+internal+"/metrics", nil)
	require.NoError(t, err)
	response, err := providers.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			number, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			return number
		}
	}
	require.FailNow(t, "no metric "+name)
	return 0
}
