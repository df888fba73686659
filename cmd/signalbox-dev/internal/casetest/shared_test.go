package casetest_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	anyPort = "127.0.0.1:0"
	// pace is how long a scripted provider takes for each step.
	pace = 20 * time.Millisecond
	seed = 20260321 // of the first provider; each has another, so that no two make cases of the same ID
	// waitTimeout bounds every wait. It is well above the minute after which the server gives a killed worker's activity up: on a busy machine
	// that can happen to a case again and again.
	waitTimeout = 5 * time.Minute
	tick        = 20 * time.Millisecond
)

// impatientServer: the server rounds timers and retry delays up to about a second; tests would wait for that.
var impatientServer = map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond}

// shared is the one instance of most tests. Each story has its own Offload account, so that the faults of one story do not reach another.
var shared struct {
	*dev.Instance
	providers map[string]*provider
	folder    string
}

// provider is a simulated Offload behind a gate.
type provider struct {
	*offloadsim.Simulator
	*gate
	url   string
	close func() error
}

const (
	apiKey       = "key"
	sharedSecret = "shared-by-all-cases-without-a-url"
)

var seeds atomic.Uint64

func newProvider() (*provider, error) {
	sim, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: apiKey, Owner: "test"}}, Pace: pace, Seed: seeds.Add(1)})
	if err != nil {
		return nil, err
	}
	g := &gate{sim: sim, holds: map[place]*hold{}}
	server := httptest.NewServer(g)
	return &provider{Simulator: sim, gate: g, url: server.URL, close: func() error {
		err := sim.Close() // first: it ends hanging requests, for which the server would wait
		server.Close()
		return err
	}}, nil
}

func TestMain(m *testing.M) {
	if settings := testenv.Variable(workerSettings); settings != "" {
		stories.Main(m, func(*testing.M) (int, error) { return 0, runWorker(settings) })
	}
	stories.Main(m, runTests)
}

func runTests(m *testing.M) (int, error) {
	testenv.Parallel(64)
	stickytest.Apply()
	folder, err := os.MkdirTemp("", "signalbox-casetest-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	seeds.Store(seed)
	var offloads []stories.Offload
	shared.folder, shared.providers = folder, map[string]*provider{}
	accounts := map[string]config.Account{}
	for _, name := range accountNames() {
		p, err := newProvider()
		if err != nil {
			return 1, err
		}
		shared.providers[name] = p
		offloads = append(offloads, p.Simulator)
		accounts[name] = config.Account{BaseURL: p.url, APIKey: apiKey}
	}
	if err := payloadtest.Prepare(folder); err != nil {
		return 1, err
	}
	shared.Instance, err = dev.Start(context.Background(), dev.Options{
		Data:          folder,
		Listen:        anyPort,
		Temporal:      anyPort,
		Simulators:    anyPort,
		Pace:          pace,
		Accounts:      accounts,
		SharedSecret:  sharedSecret,
		DynamicConfig: impatientServer,
		Log:           zap.NewNop(),
	})
	if err != nil {
		return 1, err
	}
	stopReceivers, err := startReceivers(shared.Temporal)
	if err != nil {
		return 1, errors.Join(err, shared.Stop())
	}
	ctx, stop := context.WithCancel(context.Background())
	go stories.ResendAll(ctx, offloads...)
	code := m.Run()
	stop()
	stopReceivers()
	var problems []error
	for _, p := range shared.providers {
		problems = append(problems, p.close())
	}
	return code, errors.Join(append(problems, shared.Stop())...)
}

func accountNames() []string {
	names := []string{dropped, wild, counted, said}
	for name := range failedCreations {
		names = append(names, creation(name))
	}
	for name := range settledCreations {
		names = append(names, settlement(name))
	}
	for name := range answers {
		names = append(names, answering(name))
	}
	for name := range endings {
		names = append(names, ending(name))
	}
	for name := range promises {
		names = append(names, promise(name))
	}
	return names
}

// request is played by a script of the simulator.
func request(script offloadsim.Script) *workflows.CaseRequest {
	once := 1
	return &workflows.CaseRequest{
		Channel:       "EMAIL",
		Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty:  workflows.Counterparty{Address: string(script) + "@vendor.example", Name: "Ada"},
		SenderPersona: workflows.SenderPersona{Name: "Grace"},
		MaxAttempts:   &once,
	}
}

func inStatus(t *testing.T, one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Status == want })
}

// unlost reads a case whose creation is to go wrong at Offload. Where a busy machine lost the call before, it is made again.
func unlost(offload *provider, one *signalbox.Case) func(context.Context) (workflows.CaseState, error) {
	return func(ctx context.Context) (workflows.CaseState, error) {
		state, err := one.State(ctx)
		lost := state.Status == workflows.CaseCreateUncertain && strings.Contains(state.LastError, "no answer in time")
		if err != nil || !lost || len(offload.CasesOf(one.Reference())) > 0 {
			return state, err
		}
		_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
		return state, errors.Join(errors.New("the creation was lost"), err)
	}
}

func isRunning(s workflows.CaseState) bool { return s.Status == workflows.CaseRunning }

func outcome(t *testing.T, one *signalbox.Case) workflows.CaseOutcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	out, err := one.Wait(ctx)
	require.NoError(t, err)
	return out
}

// sameOutcome compares a case's outcome with that in its notice. A workflow task that a busy server loses is repeated later, after its notice
// was handed off, so the times of the end may differ.
func sameOutcome(t *testing.T, got, reported workflows.CaseOutcome) {
	t.Helper()
	require.WithinDuration(t, got.EndedAt, reported.EndedAt, waitTimeout)
	reported.EndedAt = got.EndedAt
	require.Equal(t, got, reported)
}
