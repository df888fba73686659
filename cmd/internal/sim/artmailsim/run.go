package artmailsim

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// RunStatus is a run's.
type RunStatus string

const (
	RunOpen        RunStatus = "open"
	RunFinished    RunStatus = "finished"
	RunForceFailed RunStatus = "force_failed"
	// RunCutOff is a run whose activation was deactivated.
	RunCutOff RunStatus = "cut_off"
)

// run is a piece of an agent's work. Guarded by the simulator's mutex.
type run struct {
	id           string
	activationID string
	status       RunStatus

	touched chan struct{} // has one element after activity
	ended   chan struct{}
}

// OpenRun starts a run of an activation, and its clock: 15 minutes without activity force-fail it. What counts as
// activity is not documented; here it is TouchRun, and an approval requested or answered.
func (s *Simulator) OpenRun(activationID string) (runID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	if !ok {
		return "", fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	if a.status != Active {
		return "", fmt.Errorf("activation %s is %s: %w", activationID, a.status, simbase.ErrTransition)
	}
	runID = "run_" + s.Dice.UUID()
	a.runs = append(a.runs, runID)
	s.addRun(runID, activationID, RunOpen)
	s.Changed()
	return runID, nil
}

// addRun takes a run up, and starts its clock where it is open. The caller holds the mutex.
func (s *Simulator) addRun(id, activationID string, status RunStatus) {
	r := &run{
		id: id, activationID: activationID, status: status,
		touched: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	s.runs[id] = r
	if status == RunOpen {
		s.Webhooks.Go(func(ctx context.Context) { s.watch(ctx, r) })
	}
}

// watch force-fails a run once it was inactive for long enough.
func (s *Simulator) watch(ctx context.Context, r *run) {
	timer := time.NewTimer(s.scaled(inactivityWindow))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.ended:
			return
		case <-r.touched:
			timer.Reset(s.scaled(inactivityWindow))
		case <-timer.C:
			// The error says that the run ended meanwhile, which is as good.
			_ = s.ForceFailRun(r.id)
			return
		}
	}
}

// TouchRun counts as activity of an open run.
func (s *Simulator) TouchRun(runID string) error {
	return s.runStep(runID, func(r *run) error {
		r.touch()
		return nil
	})
}

// FinishRun ends an open run well. No event tells of it.
func (s *Simulator) FinishRun(runID string) error {
	return s.runStep(runID, func(r *run) error {
		r.end(RunFinished)
		return nil
	})
}

// ForceFailRun ends an open run as stale and sends run_force_failed, whether or not its time is up.
func (s *Simulator) ForceFailRun(runID string) error {
	return s.runStep(runID, func(r *run) error {
		r.end(RunForceFailed)
		return s.emit(s.activations[r.activationID], EventRunForceFailed, map[string]any{
			"runId":        r.id,
			"reason":       "stale",
			"staleMinutes": inactivityWindow.Minutes(),
		})
	})
}

func (s *Simulator) runStep(runID string, change func(r *run) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.runs[runID]
	if !ok {
		return fmt.Errorf("run %q: %w", runID, simbase.ErrUnknown)
	}
	if r.status != RunOpen {
		return fmt.Errorf("run %s is %s: %w", runID, r.status, simbase.ErrTransition)
	}
	s.Changed()
	return change(r)
}

func (r *run) touch() {
	select {
	case r.touched <- struct{}{}:
	default: // activity is already recorded
	}
}

// end ends an open run and stops its clock.
func (r *run) end(as RunStatus) {
	r.status = as
	close(r.ended)
}
