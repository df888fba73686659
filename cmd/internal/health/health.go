// Package health watches what a process needs: each check is probed from the start on, its state is kept with the time since which it
// holds, logged once per change, and shown by the internal /readyz.
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

// Problem is why a check fails. Text and Fix are shown to whoever reaches the internal listener: they hold no address, no name of an
// agent and no secret. Cause is for the log alone.
type Problem struct {
	// Text says what is wrong, Fix what to do about it.
	Text, Fix string
	Cause     error
	// Follows says that the process is only starting, or that another check says what to do: then it is not worth a line in the log.
	Follows bool
}

// Error is the whole problem, for the log.
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
	// Receiving says that webhooks can't be accepted while the check fails.
	Receiving bool
	// Probe returns nil, or best a *Problem: of another error only that it happened is shown.
	Probe func(context.Context) error
}

// State is a check as it was last probed.
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
	// probeEvery is the pause after a probe that went well. After one that failed the pause doubles from firstPause to longestPause, each with jitter.
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

// New takes the checks in the order in which they are shown. Until its first probe a check is not ok.
func New(checks []Check, registry prometheus.Registerer, log *zap.Logger, now func() time.Time) (*Board, error) {
	b := &Board{checks: checks, now: now, log: log, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "signalbox_check_ok",
		Help: "1 while a check of /readyz is in order, otherwise 0.",
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

const notProbed = "it was not checked yet"

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

// Refresh probes the checks that receiving needs, so that what is shown next is not older than the question.
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
		return err == nil // it was broken off, and tells nothing
	}
	next, cause := State{Name: b.checks[i].Name, OK: err == nil}, err
	var problem *Problem
	switch {
	case errors.As(err, &problem):
		next.Problem, next.Fix, cause = problem.Text, problem.Fix, problem.Cause
	case err != nil:
		next.Problem, next.Fix = "it fails", "the log of this process says why"
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

// Stop makes the process not ready for good.
func (b *Board) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stops = b.now()
}

// Receives says whether webhooks are accepted: every check was probed, each that receiving needs is in order, and the process does not stop.
func (b *Board) Receives() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.states {
		if s.Problem == notProbed || b.checks[i].Receiving && !s.OK {
			return false
		}
	}
	return b.stops.IsZero()
}

// Ready says whether every check is in order and the process does not stop, and returns all checks.
func (b *Board) Ready() (bool, []State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	states := append([]State(nil), b.states...)
	ready := true
	if !b.stops.IsZero() {
		states = append(states, State{Name: "process", Since: b.stops, Problem: "it stops", Fix: "none needed: what it has accepted is kept"})
	}
	for _, s := range states {
		ready = ready && s.OK
	}
	return ready, states
}

// Jitter is a pause between half and one and a half of d.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }

// Sleep waits for a time; false says that ctx ended before.
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
