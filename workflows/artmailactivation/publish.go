package artmailactivation

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
)

// publish publishes the activation in search attributes and in the Web UI's details. It upserts the memo each time options arrive,
// because the relay that sends them reads the memo to learn whether they arrived.
func (r *run) publish() error {
	if r.memoOutdated {
		r.memoOutdated = false
		err := workflow.UpsertMemo(r.Ctx, map[string]any{workflows.MemoActivationOptions: r.a.Start.Options})
		if err != nil {
			return fmt.Errorf("write the options to the memo: %w", err)
		}
	}
	r.Publish(entity.Published{
		State: string(r.a.State.Status), Attention: lifecycle.Attention(r.a),
		DueAt: lifecycle.DueAt(r.a), Details: lifecycle.Details(r.a),
	})
	return nil
}

// apply makes next the current activation, logs the notes, and reports a change of the status.
func (r *run) apply(next lifecycle.Activation, notes []lifecycle.Note) {
	before := r.a.State.Status
	r.a = next
	for _, n := range notes {
		if n.Result != "" {
			r.CountEvent(n.Result, n.ReceivedAt)
		}
	}
	r.log(notes)
	status := next.State.Status
	if status == before {
		return
	}
	workflow.GetMetricsHandler(r.Ctx).WithTags(map[string]string{"state": string(status)}).Counter(workflows.MetricActivationTransitions).Inc(1)
	workflow.GetLogger(r.Ctx).Info("activation status changed", "state", status)
}

// log writes a line for each note.
func (r *run) log(notes []lifecycle.Note) {
	logger := workflow.GetLogger(r.Ctx)
	for _, n := range notes {
		fields := []any{"kind", n.Kind, "id", n.ID, "why", n.Why}
		switch n.Result {
		case workflows.EventApplied:
			logger.Debug("event applied", fields...)
		case workflows.EventDuplicate:
			logger.Debug("duplicate event", fields...)
		case workflows.EventLate:
			logger.Info("late event", fields...)
		case workflows.EventIgnored:
			logger.Warn("event ignored", fields...)
		default:
			logger.Info(n.Text, fields...)
		}
	}
}
