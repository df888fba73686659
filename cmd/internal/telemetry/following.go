package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// followFor is how long after an event the calls of a workflow belong to the trace of that event. A later call, for example after a timer,
// begins a new trace with a link.
const followFor = time.Minute

// following makes an activity's span a child of the latest signal, update, start or read. The SDK's interceptor alone would make it a child of
// the workflow's start, which may be weeks old. It uses the history only, so a replay gives the same result.
type following struct{ interceptor.InterceptorBase }

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (*following) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &intoWorkflow{cause: &cause{place: noSpan}}
	i.Next = next
	return i
}

// cause is what a workflow follows at present, and since when.
type cause struct {
	place span
	at    time.Time
}

// read takes a cause from the header of a call. A call without one belongs to no trace.
func (c *cause) read(ctx workflow.Context) {
	var header map[string]string
	if payload := interceptor.WorkflowHeader(ctx)[temporalHeader]; payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &header) // what can't be read belongs to no trace
	}
	c.set(ctx, header)
}

func (c *cause) set(ctx workflow.Context, header map[string]string) {
	*c = cause{place: noSpan, at: workflow.Now(ctx)}
	// A signal that came with the start is handled before the workflow's clock is set.
	if began := workflow.GetInfo(ctx).WorkflowStartTime; c.at.Before(began) {
		c.at = began
	}
	if place, err := (temporalTracer{}).UnmarshalSpan(header); err == nil && place != nil {
		c.place, _ = place.(span)
	}
}

// with is a context whose activities follow the cause.
func (c *cause) with(ctx workflow.Context) workflow.Context {
	if !c.place.SpanContext().IsValid() {
		return workflow.WithValue(ctx, spanKey{}, nil)
	}
	place := c.place
	place.late = workflow.Now(ctx).Sub(c.at) > followFor
	return workflow.WithValue(ctx, spanKey{}, place)
}

type intoWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	cause *cause
}

func (i *intoWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	o := &outOfWorkflow{cause: i.cause}
	o.Next = outbound
	return i.Next.Init(o)
}

func (i *intoWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if !i.cause.place.SpanContext().IsValid() { // a signal that starts the workflow may have come first
		i.cause.read(ctx)
	}
	return i.Next.ExecuteWorkflow(ctx, in)
}

func (i *intoWorkflow) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	i.cause.read(ctx)
	return i.Next.HandleSignal(ctx, in)
}

func (i *intoWorkflow) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	i.cause.read(ctx)
	return i.Next.ExecuteUpdate(ctx, in)
}

type outOfWorkflow struct {
	interceptor.WorkflowOutboundInterceptorBase
	cause *cause
}

func (o *outOfWorkflow) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	future := o.Next.ExecuteActivity(o.cause.with(ctx), name, args...)
	if name == workflows.ActivityOffloadReconcileCase {
		return readFuture{future, o.cause}
	}
	return future
}

func (o *outOfWorkflow) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	return o.Next.ExecuteLocalActivity(o.cause.with(ctx), name, args...)
}

// NewContinueAsNewError lets the next run follow what this one does.
func (o *outOfWorkflow) NewContinueAsNewError(ctx workflow.Context, workflowType any, args ...any) error {
	return o.Next.NewContinueAsNewError(o.cause.with(ctx), workflowType, args...)
}

// readFuture is the result of a read that waits for news. What the workflow does with the news follows that read. It is no future for a
// workflow.Selector.
type readFuture struct {
	workflow.Future
	cause *cause
}

func (f readFuture) Get(ctx workflow.Context, value any) error {
	err := f.Future.Get(ctx, value)
	var told workflows.CaseSnapshot
	if err == nil && f.Future.Get(ctx, &told) == nil {
		f.cause.set(ctx, map[string]string{"traceparent": told.TraceParent})
	}
	return err
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*following) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &intoActivity{}
	i.Next = next
	return i
}

type intoActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity adds the traceparent of its span to the result of a read.
func (i *intoActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	result, err := i.Next.ExecuteActivity(ctx, in)
	if snapshot, isRead := result.(workflows.CaseSnapshot); isRead && err == nil {
		header := propagation.MapCarrier{}
		traceContext.Inject(ctx, header)
		snapshot.TraceParent = header["traceparent"]
		return snapshot, nil
	}
	return result, err
}
