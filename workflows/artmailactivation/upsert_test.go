package artmailactivation_test

import (
	"reflect"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// watchUpserts records what the mocks of the test environment don't show: unset attributes, the memo, and the task queues of activities.
type watchUpserts struct {
	interceptor.WorkerInterceptorBase
	life *life
}

func (w *watchUpserts) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &watchInbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, life: w.life}
}

type watchInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	life *life
}

func (w *watchInbound) Init(out interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&watchOutbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: out}, life: w.life})
}

// HandleSignal ends the step that sent the signal. A run that ends before it has the signal leaves it to the next one, as the server does.
func (w *watchInbound) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if len(w.life.sent) > 0 {
		w.life.sent[0]()
		w.life.sent = w.life.sent[1:]
	}
	return w.Next.HandleSignal(ctx, in)
}

type watchOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	life *life
}

// ExecuteActivity records the task queue of each check.
//
//workflowcheck:ignore
func (w *watchOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	w.life.queues = append(w.life.queues, workflow.GetActivityOptions(ctx).TaskQueue)
	return w.Next.ExecuteActivity(ctx, activityType, args...)
}

// UpsertMemo records the published options.
//
//workflowcheck:ignore
func (w *watchOutbound) UpsertMemo(ctx workflow.Context, memo map[string]any) error {
	w.life.memos = append(w.life.memos, memo[workflows.MemoActivationOptions])
	return w.Next.UpsertMemo(ctx, memo)
}

// UpsertTypedSearchAttributes requires that each upsert changes something: an upsert of the same value costs an event too.
//
//workflowcheck:ignore
func (w *watchOutbound) UpsertTypedSearchAttributes(ctx workflow.Context, updates ...temporal.SearchAttributeUpdate) error {
	l := w.life
	l.upserts++
	next := temporal.NewSearchAttributes(append([]temporal.SearchAttributeUpdate{l.attributes.Copy()}, updates...)...)
	if reflect.DeepEqual(l.attributes.GetUntypedValues(), next.GetUntypedValues()) {
		l.t.Errorf("search attributes are upserted again as %v", next.GetUntypedValues())
	}
	l.attributes = next
	return w.Next.UpsertTypedSearchAttributes(ctx, updates...)
}
