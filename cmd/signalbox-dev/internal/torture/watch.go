package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// watch reads workflows and holds each reading against the one before: no workflow may go back.
type watch struct {
	apps *signalbox.Client

	mu   sync.Mutex
	list []string
	seen map[string]*sighting

	readings  int
	regressed []string
}

// sighting is the last reading of a workflow. Its lock is held while the next one is made, so that two are never confused.
type sighting struct {
	sync.Mutex
	reading
}

// reading is what must not go back: the end that a workflow has come to, and its counts.
type reading struct {
	ended                     string
	applied, late, duplicates int
}

func newWatch(apps *signalbox.Client) *watch {
	return &watch{apps: apps, seen: map[string]*sighting{}}
}

func (w *watch) add(workflowID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, workflowID)
	w.seen[workflowID] = &sighting{}
}

func (w *watch) of(workflowID string) *sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[workflowID]
}

func (w *watch) readCase(ctx context.Context, one *signalbox.Case) (workflows.CaseState, error) {
	return readState(ctx, w, one.WorkflowID(), one.State, func(state workflows.CaseState) reading {
		now := reading{applied: state.EventsApplied, late: state.LateEvents, duplicates: state.Duplicates}
		if state.Status.Ended() {
			now.ended = string(state.Status)
		}
		return now
	})
}

func (w *watch) readActivation(ctx context.Context, one *signalbox.Activation) (workflows.ActivationState, error) {
	return readState(ctx, w, one.WorkflowID(), one.State, func(state workflows.ActivationState) reading {
		now := reading{applied: state.EventsApplied, late: state.LateEvents, duplicates: state.Duplicates}
		if state.Status == workflows.ActivationDeactivated {
			now.ended = string(state.Status)
		}
		return now
	})
}

// readState reads a workflow and compares it with its last reading.
func readState[T any](ctx context.Context, w *watch, workflowID string, read func(context.Context) (T, error), readingOf func(T) reading) (T, error) {
	last := w.of(workflowID)
	last.Lock()
	defer last.Unlock()
	state, err := read(ctx)
	if err == nil {
		w.compare(workflowID, last, readingOf(state))
	}
	return state, err
}

func (w *watch) compare(workflowID string, last *sighting, now reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readings++
	if last.ended != "" && now.ended != last.ended {
		w.regressed = append(w.regressed, fmt.Sprintf("%s had ended as %s and is now %q", workflowID, last.ended, now.ended))
	}
	if now.applied < last.applied || now.late < last.late || now.duplicates < last.duplicates {
		w.regressed = append(w.regressed, fmt.Sprintf("%s had %d applied, %d late, %d repeated, and now has %d, %d, %d",
			workflowID, last.applied, last.late, last.duplicates, now.applied, now.late, now.duplicates))
	}
	last.reading = now
}

// run reads one workflow after the other, chosen by chance, until ctx ends. A reading that fails is no finding: something is being killed.
func (w *watch) run(ctx context.Context) {
	const every = 200 * time.Millisecond
	pace := time.NewTicker(every)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		if id := w.any(); id != "" {
			call, cancel := context.WithTimeout(ctx, callTimeout)
			w.read(call, id)
			cancel()
		}
	}
}

func (w *watch) any() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list) == 0 {
		return ""
	}
	return w.list[rand.IntN(len(w.list))]
}

func (w *watch) read(ctx context.Context, workflowID string) {
	if reference, ok := workflows.ParseOffloadCaseWorkflowID(workflowID); ok {
		_, _ = w.readCase(ctx, w.apps.Case(reference))
		return
	}
	if agent, ok := workflows.AgentOfArtmailActivation(workflowID); ok {
		// The torture's activationIds stand in the workflow ID as they are.
		id := strings.TrimPrefix(workflowID, workflows.ArtmailActivationWorkflowID(agent, ""))
		_, _ = w.readActivation(ctx, w.apps.Activation(agent, id))
	}
}

// findings are how many readings were made and what was wrong in them.
func (w *watch) findings() (readings int, regressed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.readings, append([]string(nil), w.regressed...)
}
