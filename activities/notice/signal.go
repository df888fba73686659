package notice

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Signal delivers a notice to a workflow. If the workflow never ran, it may start later, so the signal is retried (ErrTypeNoticeUndelivered). If
// it has ended, the error is final (ErrTypeNoticeReceiverEnded), as for a request that Temporal says is invalid (ErrTypeNoticeInvalid).
func (a *Activities) Signal(ctx context.Context, d workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
	what := fmt.Sprintf("signal %q of workflow %q", d.To.Signal, d.To.WorkflowID)
	return a.attempt(ctx, what, func() (int, *failure) {
		err := a.temporal.SignalWorkflow(ctx, d.To.WorkflowID, "", d.To.Signal, d.Notice)
		if err == nil {
			return 0, nil
		}
		if errors.As(err, new(*serviceerror.NotFound)) {
			if status := a.endedAs(ctx, d.To.WorkflowID); status != "" {
				return 0, final(workflows.ErrTypeNoticeReceiverEnded, fmt.Errorf("the receiver has ended (%s)", status))
			}
		}
		return 0, byTemporal(err)
	})
}

// endedAs returns the status of a workflow whose newest run has ended; empty if it runs, never ran, or can't be described.
func (a *Activities) endedAs(ctx context.Context, workflowID string) string {
	described, err := a.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return ""
	}
	switch status := described.GetWorkflowExecutionInfo().GetStatus(); status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return status.String()
	default:
		return ""
	}
}
