package torture

import (
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// hastier shortens how long Temporal waits for a worker that was killed while it called a provider: a minute, which is most of the time of a
// short run. Nothing else of an activity is changed. It must stay above the longest pause of a worker.
type hastier struct {
	interceptor.InterceptorBase
	attempt time.Duration
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (h *hastier) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &hastierInbound{attempt: h.attempt}
	i.Next = next
	return i
}

type hastierInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	attempt time.Duration
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *hastierInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	o := &hastierOutbound{attempt: i.attempt}
	o.Next = outbound
	return i.Next.Init(o)
}

type hastierOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	attempt time.Duration
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *hastierOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return o.Next.ExecuteActivity(workflow.WithStartToCloseTimeout(ctx, o.attempt), activityType, args...)
}
