package notice

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Signal delivers a notice to a workflow. A target that does not run now may run again later, so that is tried again (ErrTypeNoticeUndelivered); what
// Temporal refuses for good is final (ErrTypeNoticeInvalid). Both carry the number of the attempt as details.
func (a *Activities) Signal(ctx context.Context, s workflows.SignalNotice) (workflows.NoticeDelivery, error) {
	attempt := workflows.NoticeDelivery{Attempt: int(activity.GetInfo(ctx).Attempt)}
	err := a.Temporal.SignalWorkflow(ctx, s.To.WorkflowID, "", s.To.Signal, s.Notice)
	if err != nil {
		return workflows.NoticeDelivery{}, undelivered(fmt.Errorf("signal %q of workflow %q: %w", s.To.Signal, s.To.WorkflowID, err), attempt)
	}
	return attempt, nil
}
