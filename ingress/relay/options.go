package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// optionsEvery is how often running activations are compared with the configuration. A change there comes with a restart, which
	// compares at once; later passes find what a relay with an older configuration has started meanwhile.
	optionsEvery = time.Hour
	// optionsRetry is how soon a pass that failed is repeated.
	optionsRetry = time.Minute
	// activationsPerPage is how many are asked for at a time.
	activationsPerPage = 500
)

// keepOptions brings the options of the configuration to activations that were started with other ones, until ctx ends.
func (r *Relay) keepOptions(ctx context.Context) {
	if len(r.config.Agents) == 0 {
		return
	}
	for r.gate.wait(ctx) == nil {
		pause := optionsEvery
		if told, err := r.tellOptions(ctx); err != nil && ctx.Err() == nil {
			pause = optionsRetry
			r.logger.Warn("not every running activation was told its agent's options", zap.Int("told", told), zap.Duration("next_try_in", pause), zap.Error(err))
		} else if told > 0 {
			r.logger.Info("running activations were told their agent's options", zap.Int("told", told))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// tellOptions signals each running activation of a configured agent whose memo shows other options than the configuration has. Told twice,
// as when two relays find it at once, an activation takes them once. One that can't be told doesn't keep the others from it; an outage does.
func (r *Relay) tellOptions(ctx context.Context) (told int, err error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query:    fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.ArtmailActivationWorkflow),
		PageSize: activationsPerPage,
	}
	for {
		page, listErr := r.listActivations(ctx, request)
		if listErr != nil {
			return told, errors.Join(err, listErr)
		}
		for _, execution := range page.GetExecutions() {
			id := execution.GetExecution().GetWorkflowId()
			agent, _, ok := workflows.ParseArtmailActivationWorkflowID(id)
			options, configured := r.config.Agents[agent]
			if !ok || !configured || inForce(execution, options) {
				continue
			}
			switch tellErr := r.tell(ctx, id, options); {
			case tellErr == nil:
				told++
			case judge(tellErr) == outage:
				return told, tellErr
			default:
				err = tellErr // the last stands for all: there may be thousands
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return told, err
		}
	}
}

func (r *Relay) listActivations(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, r.config.SignalTimeout)
	defer cancel()
	page, err := r.temporal.ListWorkflow(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("list running activations: %w", err)
	}
	return page, nil
}

func (r *Relay) tell(ctx context.Context, id string, options workflows.ActivationOptions) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.SignalTimeout)
	defer cancel()
	err := r.temporal.SignalWorkflow(ctx, id, "", workflows.SignalActivationOptions, options)
	if err != nil && judge(err) != notFound { // ended since it was listed
		return fmt.Errorf("tell %s its options: %w", id, err)
	}
	return nil
}

// inForce says whether the memo shows just these options. A memo that can't be read shows nothing.
func inForce(execution *workflowpb.WorkflowExecutionInfo, options workflows.ActivationOptions) bool {
	payload, found := execution.GetMemo().GetFields()[workflows.MemoActivationOptions]
	var shown workflows.ActivationOptions
	return found && converter.GetDefaultDataConverter().FromPayload(payload, &shown) == nil && shown == options.Normalized()
}
