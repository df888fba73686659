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

// offloadRoute sends to the workflow that the lane names. A webhook never starts a case.
func (r *Relay) offloadRoute(lane string) route {
	if offload.IsSharedLane(lane) {
		return r.sharedRoute()
	}
	return route{read: r.readingOffload(false), send: r.signalCase}
}

// sharedRoute finds the case first: its events came by a URL that is not its own.
func (r *Relay) sharedRoute() route {
	return route{
		read: r.readingOffload(true),
		send: func(ctx context.Context, lane string, events []any) fate {
			first, ok := events[0].(workflows.CaseEvent)
			if !ok {
				return fate{refused, fmt.Errorf("lane %q holds a %T", lane, events[0])}
			}
			workflowID, err := r.findCase(ctx, first.Facts)
			switch {
			case err != nil:
				return fate{judge(err), err}
			case workflowID == "":
				return fate{verdict: notFound}
			}
			return r.signalCase(ctx, workflowID, events)
		},
	}
}

func (r *Relay) readingOffload(unproven bool) func(inbox.Delivery, []byte) (any, int, error) {
	return reading(r, offload.Provider, func(parsed *hook.Parsed[workflows.CaseEvent], _ inbox.Delivery) error {
		parsed.Event.Unproven = unproven
		return nil
	})
}

func (r *Relay) signalCase(ctx context.Context, workflowID string, events []any) fate {
	err := r.temporal.SignalWorkflow(ctx, workflowID, "", workflows.SignalOffloadEvents, events)
	f := fate{judge(err), err}
	if f.verdict == notFound {
		return r.whyNotFound(ctx, workflowID, err)
	}
	return f
}

// whyNotFound tells a closed workflow from one that never was: a signal answers NotFound to both.
func (r *Relay) whyNotFound(ctx context.Context, workflowID string, cause error) fate {
	described, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	switch {
	case err != nil:
		return fate{judge(err), err}
	case described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		// It was started in between: the next try will find it.
		return fate{busy, cause}
	default:
		return fate{closed, cause}
	}
}

// findCase returns the workflow ID of the case with the caseId, else the one that its clientReferenceId names, or "" where
// neither can be. Visibility lags behind by a second or two, so "" may be wrong for a new case, which is what the grace time is for.
func (r *Relay) findCase(ctx context.Context, facts workflows.CaseFacts) (string, error) {
	// Nothing that could end the string in the query is looked up; Offload's caseIds are UUIDs.
	if !strings.ContainsAny(facts.CaseID, `'"\`) {
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

// metaOf is what the inbox knows of an event. One without a key is never a repetition, and so gets the delivery's own.
func metaOf(d inbox.Delivery) workflows.EventMeta {
	key := d.DedupeKey
	if key == "" {
		key = "delivery/" + d.ID
	}
	return workflows.EventMeta{DeliveryID: d.ID, DedupeKey: key, Kind: d.Kind, OccurredAt: d.OccurredAt, ReceivedAt: d.ReceivedAt}
}
