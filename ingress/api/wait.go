package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// waitTime is the value of the parameter wait, which was validated before; 0 where it is left out.
func waitTime(wait string) time.Duration {
	duration, err := time.ParseDuration(wait)
	if err != nil {
		return 0
	}
	return duration
}

// readAgain is the pause before a state is read again that could not be read.
const readAgain = 200 * time.Millisecond

// waiters counts the calls that wait, also for each token, by its name.
type waiters struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

// How many calls wait at most. Temporal lets 1,200 calls wait for each frontend and namespace; one token leaves room for others.
const (
	waitingAtOnce   = 1000
	waitingPerToken = 500
)

// add reports whether one more call of the token may wait. done ends its wait.
func (w *waiters) add(token string, most int) (done func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= waitingAtOnce || w.of[token] >= most {
		return nil, false
	}
	w.all++
	w.of[token]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all--
		if w.of[token]--; w.of[token] == 0 {
			delete(w.of, token)
		}
	}, true
}

// transcriptTurn waits until the caller may read a transcript. done ends its turn. A token has one turn at a time, so that a
// second token can use the other place.
func (s *Server) transcriptTurn(ctx context.Context) (done func(), err error) {
	most := int64(1)
	if s.deps.Tokens == nil {
		most = transcriptsAtOnce
	}
	of, _ := s.transcriptsOf.LoadOrStore(caller(ctx).Name, semaphore.NewWeighted(most))
	own, _ := of.(*semaphore.Weighted) // nothing else is stored
	if err := own.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := s.transcripts.Acquire(ctx, 1); err != nil {
		own.Release(1)
		return nil, err
	}
	return func() {
		s.transcripts.Release(1)
		own.Release(1)
	}, nil
}

// waitIsOver reports whether a wait for the case is over.
func waitIsOver(state workflows.CaseState) bool {
	return state.Status.Ended() || state.Status == workflows.CaseInputNeeded
}

// waitForNews returns the state when the case has ended or asks something, at the latest after the time, or when the process stops. A
// state that can't be read, because a worker stops or Temporal is busy, is read again meanwhile.
func (s *Server) waitForNews(ctx context.Context, one *signalbox.Case, wait time.Duration) (workflows.CaseState, error) {
	state, err := one.State(ctx)
	if wait == 0 || err == nil && waitIsOver(state) || err != nil && !errors.Is(err, signalbox.ErrUnavailable) {
		return state, err
	}
	most := waitingPerToken
	if s.deps.Tokens == nil {
		most = waitingAtOnce
	}
	done, ok := s.waiting.add(caller(ctx).Name, most)
	if !ok {
		return state, problem(problemUnavailable, "too many calls wait already: ask without wait, or later")
	}
	defer done()
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	go func() {
		select {
		case <-s.stopping:
			stop()
		case <-waiting.Done():
		}
	}()
	again := time.NewTicker(readAgain)
	defer again.Stop()
	for errors.Is(err, signalbox.ErrUnavailable) {
		select {
		case <-waiting.Done():
			return state, err
		case <-again.C:
		}
		last, problem := one.State(waiting)
		if problem == nil || waiting.Err() == nil {
			state, err = last, problem
		}
	}
	for err == nil && waiting.Err() == nil && !waitIsOver(state) {
		var last workflows.CaseState
		last, err = one.WaitForChange(waiting, wait, &state)
		if last.Status != "" { // it was read, though not every newer state is a change
			state = last
		}
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return state, nil // the time is over
		}
	}
	return state, err
}
