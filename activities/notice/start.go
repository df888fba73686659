package notice

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Start delivers a notice to the hand-over workflow of its agent. The first notice starts the workflow; a workflow that has ended is not started
// again (ErrTypeNoticeReceiverEnded).
func (a *Activities) Start(ctx context.Context, d workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
	n := d.Notice
	id := workflows.HandOverWorkflowID(n.Agent, n.ActivationID)
	return a.attempt(ctx, fmt.Sprintf("hand over to workflow %q", id), func() (int, *failure) {
		to := a.agents[n.Agent].HandOver
		if to == nil {
			return 0, a.notConfigured(ctx, fmt.Errorf("no hand-over is configured: set agents.%s.handOver, and resend the notice if it was given up", n.Agent))
		}
		_, err := a.temporal.SignalWithStartWorkflow(ctx, id, workflows.SignalAgentNotice, n, client.StartWorkflowOptions{
			ID:                    id,
			TaskQueue:             to.TaskQueue,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			StaticSummary:         workflows.Clip("Activation "+n.ActivationID+" of agent "+n.Agent, maxSummary),
		}, to.WorkflowType, workflows.HandOverStart{Agent: n.Agent, ActivationID: n.ActivationID})
		switch {
		case err == nil:
			return 0, nil
		case errors.As(err, new(*serviceerror.WorkflowExecutionAlreadyStarted)):
			return 0, final(workflows.ErrTypeNoticeReceiverEnded, errors.New("the workflow has ended, and is not started again"))
		}
		return 0, byTemporal(err)
	})
}

// maxSummary is in bytes. Temporal rejects a start whose summary is longer than 400 bytes.
const maxSummary = 200
