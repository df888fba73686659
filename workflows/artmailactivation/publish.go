package artmailactivation

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// publish shows where the activation stands. The memo is upserted each time options come, since the relay that sent them looks there for
// whether to send them again.
func (r *run) publish() error {
	if r.optionsTold {
		r.optionsTold = false
		err := workflow.UpsertMemo(r.Ctx, map[string]any{workflows.MemoActivationOptions: r.activation.Start.Options})
		if err != nil {
			return fmt.Errorf("show the options in the memo: %w", err)
		}
	}
	r.Publish(entity.Published{
		State:     string(r.activation.State.Status),
		Attention: lifecycle.Attention(r.activation),
		DueAt:     lifecycle.DueAt(r.activation),
		Details:   lifecycle.Details(r.activation),
	})
	return nil
}

// log writes a line for each note.
func (r *run) log(notes []lifecycle.Note) {
	logger := workflow.GetLogger(r.Ctx)
	for _, n := range notes {
		fields := []any{"kind", n.Kind, "id", n.ID, "why", n.Why}
		switch n.Result {
		case lifecycle.Applied:
			logger.Debug("event applied", fields...)
		case lifecycle.Duplicate:
			logger.Debug("duplicate event", fields...)
		case lifecycle.Late:
			logger.Info("late event", fields...)
		case lifecycle.Ignored:
			logger.Warn("event ignored", fields...)
		default:
			logger.Info(n.Text, fields...)
		}
	}
}

func (r *run) logFailedHandOff(h workflows.HandOff, f rules.Failure) {
	workflow.GetLogger(r.Ctx).Warn("hand-off of notices failed", "notices", len(h.Notices), "type", f.Type, "error", f.Message)
}
