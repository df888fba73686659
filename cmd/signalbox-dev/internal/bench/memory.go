package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Memory is what a worker takes that keeps few of the open cases in memory.
type Memory struct {
	// Cached is how many workflows the worker keeps.
	Cached int `json:"cached"`
	// Readings are with one case open, with twice as many as the worker keeps, and with many.
	Readings []Reading `json:"readings"`
}

// Reading is a worker's memory at a moment when it has nothing to do.
type Reading struct {
	// Cases is how many are open.
	Cases int `json:"cases"`
	// Bytes is what the garbage collector leaves of the heap, and the stacks: each workflow in memory has a goroutine.
	Bytes      uint64 `json:"bytes"`
	Goroutines int    `json:"goroutines"`
}

// times is how often the last reading holds that of a full cache.
func (m Memory) times() float64 {
	return ratio(float64(m.Readings[2].Bytes), float64(m.Readings[1].Bytes))
}

// fullCache is how many cases fill a cache, with as many dropped from it: what is dropped costs something at the beginning.
func (o Options) fullCache() int { return 2 * o.Cached }

func (o Options) validateMemory() error {
	switch {
	case o.Cases < 0:
		return errors.New("--cases: it can't be negative")
	case o.Cases > 0 && o.Cached < config.MinWorkflowCache:
		return fmt.Errorf("--cached: %d: want at least %d workflows", o.Cached, config.MinWorkflowCache)
	case o.Cases > 0 && o.Cases <= o.fullCache():
		return fmt.Errorf("--cases: %d: want more than %d, twice what the worker keeps by --cached", o.Cases, o.fullCache())
	}
	return nil
}

// memory has a worker open cases that then wait, and reads its memory on the way. It has a server of its own: the worker would take up
// the workflows of the other parts.
func (s *stage) memory(ctx context.Context, o Options) (_ *Memory, err error) {
	if o.Cases == 0 {
		return nil, nil
	}
	folder := filepath.Join(s.folder, "memory")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder: %w", err)
	}
	// What the server's disk takes is no part of this.
	own, err := newStageOn(ctx, folder, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, own.close()) }()
	offload, err := serveOffload()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, offload.close()) }()
	w, err := startWorker(ctx, folder, own.server, offload.address(), o.Cached)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	ctx, cancel := w.whileAlive(ctx)
	defer cancel()
	m := Memory{Cached: o.Cached}
	for _, count := range []int{1, o.fullCache(), o.Cases} {
		o.say("opening cases until %d are, with a worker that keeps %d", count, o.Cached)
		if err := own.openCases(ctx, count); err != nil {
			return nil, err
		}
		reading, err := w.leastOf(ctx, memoryReadings)
		if err != nil {
			return nil, err
		}
		reading.Cases = count
		m.Readings = append(m.Readings, reading)
	}
	return &m, nil
}

// openCases starts cases until so many are open, and waits until each of them waits for news.
func (s *stage) openCases(ctx context.Context, count int) error {
	apps, err := signalbox.New(s.temporal, signalbox.Options{Keyring: s.keys})
	if err != nil {
		return err
	}
	err = s.startUpTo(ctx, count, func(ctx context.Context, n int) error {
		_, err := apps.StartCase(ctx, waitingCase(n))
		return err
	})
	if err != nil {
		return fmt.Errorf("open cases: %w", err)
	}
	return s.awaitRunning(ctx, count)
}

// waitingCase is one that Offload creates and of which it then says nothing.
func waitingCase(n int) workflows.CaseStart {
	return workflows.CaseStart{
		Reference: reference(n),
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: string(offloadsim.ScriptManual) + "@vendor.example", Name: "Ada Vendor"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
		// A look would be work while memory is read, and a long run takes longer than the silence that is usual.
		Options: workflows.CaseOptions{ReconcileAfter: workflows.Duration(24 * time.Hour)},
	}
}

// awaitRunning waits until the server shows so many cases as running at Offload: a case says so in the workflow task after which it waits.
func (s *stage) awaitRunning(ctx context.Context, count int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	// On a machine that is slow enough, an answer of Offload comes too late and its case is uncertain: it waits like the others.
	query := fmt.Sprintf("%s IN ('%s', '%s')", workflows.SearchAttributeState, workflows.CaseRunning, workflows.CaseCreateUncertain)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	var running int64
	for {
		counted, err := s.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if running = cmp.Or(counted.GetCount(), running); err == nil && running >= int64(count) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %d cases are open, %d are: %w", count, running, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}

// offloadKey is what the simulated Offload and the worker agree on.
const offloadKey = "bench"

// offloadServer is a simulated Offload that is reached over loopback.
type offloadServer struct {
	simulator *offloadsim.Simulator
	http      *http.Server
	listener  net.Listener
	served    chan error
}

func serveOffload() (*offloadServer, error) {
	simulator, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: offloadKey, Owner: "bench"}}})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), simulator.Close())
	}
	o := &offloadServer{
		simulator: simulator, listener: listener, served: make(chan error, 1),
		http: &http.Server{Handler: simulator, ReadHeaderTimeout: 5 * time.Second},
	}
	go func() { o.served <- o.http.Serve(listener) }()
	return o, nil
}

func (o *offloadServer) address() string { return o.listener.Addr().String() }

func (o *offloadServer) close() error {
	err := errors.Join(o.simulator.Close(), o.http.Close())
	if served := <-o.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
