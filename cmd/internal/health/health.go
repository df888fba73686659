// Package health checks the dependencies of a process. It probes each check from the start on, logs each change of its state once, and keeps
// the state with the time of its last change for the internal /readyz.
package health

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Problem is why a check fails. Everyone who can connect to the internal listener sees Text and Fix: they must not contain an address, the name
// of an agent or a secret. Cause is for the log only.
type Problem struct {
	// Text says what is wrong, Fix what to do about it.
	Text, Fix string
	Cause     error
	// Follows is true while the process is starting, or if another check says what to do. Then the problem is logged at debug level only.
	Follows bool
}

// Error returns text, fix and cause, for the log.
func (p *Problem) Error() string {
	text := p.Text + ": " + p.Fix
	if p.Cause != nil {
		text += ": " + p.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Check is a condition that a process needs.
type Check struct {
	Name string
	// Receiving is true if webhooks can't be accepted while the check fails.
	Receiving bool
	// Probe returns nil or an error. The text of an error is shown only if it is a *Problem.
	Probe func(context.Context) error
}

// State is the result of a check's last probe.
type State struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Since is when OK or Problem last changed.
	Since time.Time `json:"since"`
	// Problem and Fix are empty while OK.
	Problem string `json:"problem,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

const (
	probeTimeout = 3 * time.Second
	// probeEvery is the pause after a successful probe. After a failed one the pause doubles from firstPause to longestPause. All have jitter.
	probeEvery               = 2 * time.Second
	firstPause, longestPause = 250 * time.Millisecond, 2 * time.Second
)

// Board keeps the state of every check. Make one with New and run it with Run.
type Board struct {
	checks []Check
	now    func() time.Time
	log    *zap.Logger
	gauge  *prometheus.GaugeVec

	mu     sync.Mutex
	states []State
	// stops is when Stop was called; zero before.
	stops time.Time
}

// New returns a Board that shows the checks in the given order. Before its first probe, a check is not OK.
func New(checks []Check, registry prometheus.Registerer, log *zap.Logger, now func() time.Time) (*Board, error) {
	b := &Board{checks: checks, now: now, log: log, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "signalbox_check_ok",
		Help: "1 while a check of /readyz passes, otherwise 0.",
	}, []string{"check"})}
	if err := registry.Register(b.gauge); err != nil {
		return nil, err
	}
	for _, c := range checks {
		b.states = append(b.states, State{Name: c.Name, Since: now(), Problem: notProbed, Fix: "wait a moment"})
		b.gauge.WithLabelValues(c.Name).Set(0)
	}
	return b, nil
}

const notProbed = "not checked yet"

// Run probes every check until ctx ends.
func (b *Board) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range b.checks {
		all.Go(func() { b.watch(ctx, i) })
	}
	all.Wait()
}

func (b *Board) watch(ctx context.Context, i int) {
	failed := firstPause
	for {
		pause := probeEvery
		if b.probe(ctx, i) {
			failed = firstPause
		} else {
			pause, failed = failed, min(2*failed, longestPause)
		}
		if !Sleep(ctx, Jitter(pause)) {
			return
		}
	}
}

// Refresh probes the checks that receiving needs, so that an answer of /readyz is up to date.
func (b *Board) Refresh(ctx context.Context) {
	for i, c := range b.checks {
		if c.Receiving {
			b.probe(ctx, i)
		}
	}
}

func (b *Board) probe(ctx context.Context, i int) (ok bool) {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := b.checks[i].Probe(probing)
	if ctx.Err() != nil {
		return err == nil // the stop has cancelled the probe, so its result says nothing
	}
	next, cause := State{Name: b.checks[i].Name, OK: err == nil}, err
	var problem *Problem
	switch {
	case errors.As(err, &problem):
		next.Problem, next.Fix, cause = problem.Text, problem.Fix, problem.Cause
	case err != nil:
		next.Problem, next.Fix = "the check fails", "read the log of this process"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.states[i]
	if last.OK == next.OK && last.Problem == next.Problem {
		return next.OK
	}
	next.Since = b.now()
	b.states[i] = next
	if next.OK {
		b.gauge.WithLabelValues(next.Name).Set(1)
		level := zap.InfoLevel
		if last.Problem == notProbed {
			level = zap.DebugLevel
		}
		b.log.Log(level, "check passes", zap.String("check", next.Name))
		return true
	}
	b.gauge.WithLabelValues(next.Name).Set(0)
	level := zap.WarnLevel
	if problem != nil && problem.Follows {
		level = zap.DebugLevel
	}
	b.log.Log(level, "check fails", zap.String("check", next.Name), zap.String("problem", next.Problem), zap.String("fix", next.Fix), zap.Error(cause))
	return false
}

// Stop makes the process not ready from now on.
func (b *Board) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stops = b.now()
}

// Receives reports whether webhooks are accepted: all checks with Receiving pass, and the process is not stopping. Other checks don't count, not
// even one whose first probe hangs.
func (b *Board) Receives() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.states {
		if b.checks[i].Receiving && !s.OK {
			return false
		}
	}
	return b.stops.IsZero()
}

// Ready reports whether all checks pass and the process is not stopping. It also returns all checks.
func (b *Board) Ready() (bool, []State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := append([]State(nil), b.states...)
	ready := true
	if !b.stops.IsZero() {
		states = append(states, State{Name: "process", Since: b.stops, Problem: "the process is stopping", Fix: "none needed: accepted webhooks are kept"})
	}
	for _, s := range states {
		ready = ready && s.OK
	}
	return ready, states
}

// Jitter returns a random pause between half and one and a half of d.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// Sleep waits for d. It returns false if ctx ended before.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
