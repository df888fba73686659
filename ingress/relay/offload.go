package relay

import (
	"context"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// markUnproven marks an event of the shared route: its URL is no proof of its case.
func markUnproven(parsed *hook.Parsed[workflows.CaseEvent], d inbox.Delivery) error {
	parsed.Event.Unproven = offload.IsSharedLane(d.Lane)
	return nil
}

// sendOffload signals the case that the lane names. A webhook never starts a case. An event of the shared route came by a URL that
// is not its case's own, so the case has to be found first.
func (r *Relay) sendOffload(ctx context.Context, lane string, events []pendingEvent) sendResult {
	if !offload.IsSharedLane(lane) {
		return r.signalCase(ctx, lane, signalOf(events))
	}
	first, ok := events[0].event.(workflows.CaseEvent)
	if !ok {
		return sendResult{refused, fmt.Errorf("lane %q holds a %T", lane, events[0].event)}
	}
	workflowID, err := r.findCase(ctx, first.Facts)
	switch {
	case err != nil:
		return sendResult{classify(err), err}
	case workflowID == "":
		return sendResult{class: notFound}
	}
	return r.signalCase(ctx, workflowID, signalOf(events))
}

func (r *Relay) signalCase(ctx context.Context, workflowID string, events []any) sendResult {
	err := r.temporal.SignalWorkflow(ctx, workflowID, "", workflows.SignalOffloadEvents, events)
	if result := (sendResult{classify(err), err}); result.class != notFound {
		return result
	}
	return r.whyNotFound(ctx, workflowID, err)
}

// whyNotFound tells a closed workflow from one that never existed: Temporal answers a signal to either with NotFound.
func (r *Relay) whyNotFound(ctx context.Context, workflowID string, cause error) sendResult {
	described, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	switch {
	case err != nil:
		return sendResult{classify(err), err}
	case described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		// It has started since: the next try finds it.
		return sendResult{busy, cause}
	default:
		return sendResult{closed, cause}
	}
}

// findCase returns the workflow ID of the case with the caseId, else the one that the clientReferenceId names, or "" where there is
// neither. Visibility lags behind by a second or two, so "" may be wrong for a new case; the grace time covers that.
func (r *Relay) findCase(ctx context.Context, facts workflows.CaseFacts) (string, error) {
	if canQuote(facts.CaseID) {
		found, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: 10,
			Query:    fmt.Sprintf("WorkflowType = '%s' AND %s = '%s'", workflows.OffloadCaseWorkflow, workflows.SearchAttributeCaseID, facts.CaseID),
		})
		if err != nil {
			return "", fmt.Errorf("find case: %w", err)
		}
		closed := ""
		for _, execution := range found.GetExecutions() {
			if execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				return execution.GetExecution().GetWorkflowId(), nil
			}
			closed = execution.GetExecution().GetWorkflowId()
		}
		if closed != "" {
			return closed, nil
		}
	}
	if workflows.ValidateReference(facts.ClientReferenceID) == nil {
		return workflows.OffloadCaseWorkflowID(facts.ClientReferenceID), nil
	}
	return "", nil
}

// canQuote says whether a query can hold the text between quotes. Offload's caseIds are UUIDs, and our workflow IDs have no quotes,
// so nothing is lost.
func canQuote(text string) bool { return text != "" && !strings.ContainsAny(text, `'"\`) }

// metaOf is what the inbox knows of an event. An event without a dedupe key is never a repetition: it gets a key of the delivery.
func metaOf(d inbox.Delivery) workflows.EventMeta {
	key := d.DedupeKey
	if key == "" {
		key = "delivery/" + d.ID
	}
	return workflows.EventMeta{DeliveryID: d.ID, DedupeKey: key, Kind: d.Kind, OccurredAt: d.OccurredAt, ReceivedAt: d.ReceivedAt}
}
