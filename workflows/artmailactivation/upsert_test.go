package artmailactivation_test

import (
	"reflect"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// watchUpserts sees what the mocks of the test environment don't: that an attribute is unset, what the memo shows, where an activity is to run.
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

type watchOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	life *life
}

// ExecuteActivity notes on which queue a check is begun.
//
//workflowcheck:ignore
func (w *watchOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	w.life.queues = append(w.life.queues, workflow.GetActivityOptions(ctx).TaskQueue)
	return w.Next.ExecuteActivity(ctx, activityType, args...)
}

// UpsertMemo notes which options are shown.
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
