package storytest

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// Hold keeps the results of activities from the workflow between Begin and End, so that a story can bring a result in one task with a
// cancellation or an update. It is an interceptor of a run's worker; the steps of a story call Begin and End.
type Hold struct {
	interceptor.WorkerInterceptorBase
	on bool
}

const endHold = "end-hold"

// Begin holds the results that come from now on.
func (h *Hold) Begin() { h.on = true }

// End makes the held results come in the task of what the step sends next.
func (h *Hold) End(env *testsuite.TestWorkflowEnvironment) {
	env.SignalWorkflowSkippingWorkflowTask(endHold, nil)
}

// InterceptWorkflow is called by the worker for each run.
func (h *Hold) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &holdInbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, hold: h}
}

type holdInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	hold *Hold
}

func (i *holdInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&holdOutbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: out}, hold: i.hold})
}

func (i *holdInbound) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if in.SignalName == endHold {
		i.hold.on = false
		return nil
	}
	return i.Next.HandleSignal(ctx, in)
}

type holdOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	hold *Hold
}

func (o *holdOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return &heldFuture{Future: o.Next.ExecuteActivity(ctx, activityType, args...), hold: o.hold}
}

type heldFuture struct {
	workflow.Future
	hold *Hold
}

func (f *heldFuture) IsReady() bool { return !f.hold.on && f.Future.IsReady() }
