package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// optionsEvery is how often running activations are compared with the configuration. A restart compares at once, and a new configuration
	// needs a restart. Later passes find activations that another relay, with an older configuration, has started since.
	optionsEvery = time.Hour
	// optionsRetry is the pause after a pass that failed.
	optionsRetry       = time.Minute
	activationsPerPage = 500
)

// sendOptionsPass sends the options of the configuration to activations that were started with other options.
func (r *Relay) sendOptionsPass(ctx context.Context) time.Duration {
	if len(r.config.Agents) == 0 {
		return optionsEvery
	}
	switch sent, err := r.sendOptions(ctx); {
	case err != nil && ctx.Err() == nil:
		r.logger.Warn("options sent, but not to all running activations", zap.Int("sent", sent), zap.Duration("next_try_in", optionsRetry), zap.Error(err))
		return optionsRetry
	case sent > 0:
		r.logger.Info("options sent to running activations", zap.Int("sent", sent))
	}
	return optionsEvery
}

// sendOptions signals the options to each running activation of a configured agent whose memo shows other options. Two relays may do so at
// once, because an activation applies them once. A failure for one activation does not stop the pass; an outage does.
func (r *Relay) sendOptions(ctx context.Context) (sent int, err error) {
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.ArtmailActivationWorkflow)
	listErr := r.listWorkflows(ctx, query, activationsPerPage, func(execution *workflowpb.WorkflowExecutionInfo) error {
		id := execution.GetExecution().GetWorkflowId()
		agent, ok := workflows.AgentOfArtmailActivation(id)
		options, configured := r.config.Agents[agent]
		if !ok || !configured || r.hasOptions(execution, options) {
			return nil
		}
		switch sendErr := r.sendOptionsTo(ctx, id, options); {
		case sendErr == nil:
			sent++
		case classify(sendErr) == outage:
			return sendErr
		default:
			err = sendErr // the last one only: there may be thousands
		}
		return nil
	})
	return sent, errors.Join(err, listErr)
}

func (r *Relay) sendOptionsTo(ctx context.Context, id string, options workflows.ActivationOptions) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.SignalTimeout)
	defer cancel()
	err := r.temporal.SignalWorkflow(ctx, id, "", workflows.SignalActivationOptions, options)
	if err != nil && classify(err) != notFound { // notFound: the activation has ended since it was listed
		return fmt.Errorf("send options to %s: %w", id, err)
	}
	return nil
}

// hasOptions reports whether the memo shows exactly these options, encrypted as this process encrypts; false for an unreadable memo. An activation
// writes its memo anew whenever options come, so the memo then needs no older payload key.
func (r *Relay) hasOptions(execution *workflowpb.WorkflowExecutionInfo, options workflows.ActivationOptions) bool {
	payload, found := execution.GetMemo().GetFields()[workflows.MemoActivationOptions]
	var shown workflows.ActivationOptions
	return found && r.payloads.Current(payload) && r.memos.FromPayload(payload, &shown) == nil && shown == options.Normalized()
}
