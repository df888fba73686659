// Package demo runs example cases and activations on a development instance, through the public Go client, and prints each step with links
// to the Web UI.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
)

// timeout bounds the whole demonstration: at the default pace it takes about ten seconds.
const timeout = 5 * time.Minute

// scene is one story with the end that it must reach.
type scene struct {
	name string
	play func(context.Context, *stage) error
}

var scenes = []scene{
	{"completes", caseCompletes},
	{"asks", caseAsks},
	{"loses its webhook", caseLosesItsWebhook},
	{"fails", caseFails},
	{"activation", activation},
}

// ErrStopped says that the demonstration was stopped.
var ErrStopped = errors.New("stopped before the demonstration ended; running workflows continue at the next start")

// Play plays all scenes at the same time and returns what did not end as it should, or ErrStopped if stopped ends first.
func Play(stopped context.Context, instance *dev.Instance, out io.Writer) error {
	ctx, cancel := context.WithTimeout(stopped, timeout)
	defer cancel()
	began := time.Now() //nolint:forbidigo // a clock for people who watch
	printer := &printer{out: out, began: began}
	printer.printf("\nThe demonstration:\n")

	stopApp, err := startApp(instance.Temporal)
	if err != nil {
		return err
	}
	defer stopApp()
	errs := make([]error, len(scenes))
	var all sync.WaitGroup
	for i, s := range scenes {
		all.Go(func() {
			one := &stage{instance: instance, name: s.name, run: began.UTC().Format("20060102-150405"), printer: printer}
			if err := s.play(ctx, one); err != nil && stopped.Err() == nil {
				errs[i] = fmt.Errorf("%s: %w", s.name, err)
				one.say("did NOT end as it should: %v", err)
			}
		})
	}
	all.Wait()
	if stopped.Err() != nil {
		return ErrStopped
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	printer.printf("\nAll %d ended as they should.\n", len(scenes))
	return nil
}

// stage is what a scene sees: the instance, and a way to tell what happens.
type stage struct {
	instance *dev.Instance
	name     string
	run      string
	printer  *printer
}

func (s *stage) say(format string, args ...any) {
	at := time.Since(s.printer.began).Seconds() //nolint:forbidigo // a clock for people who watch
	s.printer.printf("  %5.1fs  %-18s %s\n", at, s.name, fmt.Sprintf(format, args...))
}

// showLink prints the link to a workflow in the Web UI.
func (s *stage) showLink(workflowID string) {
	if ui := s.instance.UIURL(); ui != "" {
		s.say("watch it: %s/namespaces/default/workflows/%s", ui, url.PathEscape(workflowID))
	}
}

// reference is new each time, since a reference stands for one case for ever.
func (s *stage) reference(kind string) string { return "demo-" + kind + "-" + s.run }

// printer keeps the lines of several scenes whole.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func (p *printer) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// The output may be closed; the demonstration goes on for its exit status.
	_, _ = fmt.Fprintf(p.out, format, args...)
}

// await asks again and again until the condition holds. Where time runs out, the error has the status of the last state and what it waited for.
func await[S any](ctx context.Context, read func(context.Context) (S, error), holds func(S) bool) (S, error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		state, err := read(ctx)
		if err == nil && holds(state) {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return state, fmt.Errorf("timed out%s: %w", progress(state), errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}

// progress says how far a state is; empty if it has neither status nor waitingFor.
func progress(state any) string {
	switch state := state.(type) {
	case workflows.CaseState:
		return fmt.Sprintf("; status %s, waits for: %s", state.Status, state.WaitingFor)
	case workflows.ActivationState:
		return fmt.Sprintf("; status %s, waits for: %s", state.Status, state.WaitingFor)
	}
	return ""
}
