package relay

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// markUnproven marks an event of the shared route: its URL does not prove its case. It must name the case.
func markUnproven(parsed *hook.Parsed[workflows.CaseEvent], d inbox.Delivery) error {
	if parsed.Event.Unproven = offload.IsSharedLane(d.Lane); parsed.Event.Unproven {
		return offload.RequireCase(parsed.Envelope)
	}
	return nil
}

// sendOffload signals the case that the lane names. A webhook never starts a case. The lane of the shared route does not name the workflow,
// so sendOffload finds it first.
func (r *Relay) sendOffload(ctx context.Context, lane string, events []pendingEvent) sendResult {
	if !offload.IsSharedLane(lane) {
		if result := r.ofErasedCase(ctx, lane, events[0]); result.class != accepted {
			return result
		}
		return r.signalCase(ctx, lane, events)
	}
	first, ok := events[0].event.(workflows.CaseEvent)
	if !ok {
		return sendResult{class: refused, err: fmt.Errorf("lane %q holds a %T", lane, events[0].event)}
	}
	workflowID, err := r.findCase(ctx, first.Facts)
	switch {
	case classify(err) == refused: // the query is valid, so a search attribute is missing
		return r.waitForSetup("a case can't be found", err)
	case err != nil:
		return resultOf(err)
	case workflowID == "":
		return sendResult{class: notFound}
	}
	return r.signalCase(ctx, workflowID, events)
}

func (r *Relay) signalCase(ctx context.Context, workflowID string, events []pendingEvent) sendResult {
	err := r.temporal.SignalWorkflow(ctx, workflowID, "", workflows.SignalOffloadEvents, signalOf(events))
	if result := resultOf(err); result.class != notFound {
		return result
	}
	return r.whyNotFound(ctx, workflowID, events[0].ReceivedAt, err)
}

// justArrived is less time than an erasure and the start of the next case take.
const justArrived = 10 * time.Second

// ofErasedCase returns the class closed for an event that came before the case of its lane began, if an earlier case of the reference was erased. Both
// cases have the same webhook URL, and events of the earlier one may wait for a workflow. An event that has just arrived and was not tried before
// needs no check, which spares most events the query.
func (r *Relay) ofErasedCase(ctx context.Context, lane string, event pendingEvent) sendResult {
	if event.UnmatchedSince.IsZero() && event.Reason == "" && r.now().Sub(event.ReceivedAt) < justArrived {
		return sendResult{}
	}
	erased, err := r.inbox.Audited(ctx, inbox.ActErase, inbox.ErasedSubject(lane))
	switch {
	case err != nil:
		return sendResult{class: busy, err: err}
	case !erased:
		return sendResult{}
	}
	described, err := r.temporal.DescribeWorkflowExecution(ctx, lane, "")
	first := described.GetWorkflowExecutionInfo().GetFirstRunId()
	if err == nil && first != "" { // a case that has continued as new began with its first run
		described, err = r.temporal.DescribeWorkflowExecution(ctx, lane, first)
	}
	result := resultOf(err)
	switch {
	case result.class == notFound: // there is no case, or its first run began so long ago that Temporal has deleted it
		return sendResult{}
	case err != nil || first == "":
		return result
	}
	if begunAt := described.GetWorkflowExecutionInfo().GetStartTime().AsTime(); event.ReceivedAt.Before(begunAt) {
		return sendResult{class: closed, begunAt: begunAt}
	}
	return sendResult{}
}

// findCase returns the workflow ID of the case with the caseId, or else the workflow ID that the clientReferenceId names, or "". Visibility
// lags behind by a second or two, so "" may be wrong for a new case; the grace time covers that.
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

// canQuote reports whether a query can hold the text between quotes. All real IDs can: Offload's caseIds are UUIDs, and our workflow IDs
// have no quotes.
func canQuote(text string) bool { return text != "" && !strings.ContainsAny(text, `'"\`) }

// metaOf returns the fields of an event that the inbox knows. An event without a dedupe key gets the delivery's ID as its key, so that the
// workflow treats it as new.
func metaOf(d inbox.Delivery) workflows.EventMeta {
	key := d.DedupeKey
	if key == "" {
		key = "delivery/" + d.ID
	}
	return workflows.EventMeta{DeliveryID: d.ID, DedupeKey: key, Kind: d.Kind, OccurredAt: d.OccurredAt, ReceivedAt: d.ReceivedAt}
}
