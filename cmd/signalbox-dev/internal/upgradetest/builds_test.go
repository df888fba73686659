package upgradetest_test

import (
	"errors"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

// change is how a build's workflows differ from those of this code.
type change int

const (
	// unchanged is this code.
	unchanged change = iota
	// behindPredicate adds a command at the begin and one at the end of each workflow, each behind a predicate.
	behindPredicate
	// newerState adds to behindPredicate a newer version of the carried state.
	newerState
	// noPredicate adds a command that recorded histories do not have.
	noPredicate
)

// newerVersion is the version of the carried state that only newerState knows.
const newerVersion = 1000

// changed is the interceptor that makes a worker one of another build.
type changed struct {
	interceptor.WorkerInterceptorBase
	change change
}

func (c *changed) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	w := &changedWorkflow{change: c.change}
	w.Next = next
	return w
}

type changedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	change change
}

func (w *changedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if w.change == noPredicate {
		workflow.NewTimer(ctx, longTimer)
		return w.Next.ExecuteWorkflow(ctx, in)
	}
	if w.change == newerState {
		in.Args = withVersion(in.Args, 1)
	}
	if isNew(ctx, "note-the-begin") {
		workflow.NewTimer(ctx, longTimer)
	}
	result, err := w.Next.ExecuteWorkflow(ctx, in)
	var again *workflow.ContinueAsNewError
	if errors.As(err, &again) {
		if w.change == newerState && again.WorkflowType.Name == workflows.OffloadCaseWorkflow {
			return nil, newerInput(ctx, again)
		}
		return result, err
	}
	if !temporal.IsCanceledError(err) && isNew(ctx, "note-the-end") {
		workflow.NewTimer(ctx, longTimer)
	}
	return result, err
}

// isNew is a predicate as versions.go has them, for code that has no carried state to ask.
func isNew(ctx workflow.Context, name string) bool {
	return workflow.GetVersion(ctx, name, workflow.DefaultVersion, 1) == 1
}

// newerInput is the case's next run with carried state of the newer version.
func newerInput(ctx workflow.Context, again *workflow.ContinueAsNewError) error {
	var in offloadcase.Input
	if err := payloadtest.Options().DataConverter.FromPayloads(again.Input, &in); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, again.WorkflowType.Name, withVersion([]any{in}, newerVersion)[0])
}

// withVersion gives the carried state of a case a version.
func withVersion(args []any, version int) []any {
	in, isCase := args[0].(offloadcase.Input)
	if !isCase || in.Carried == nil || version == 1 && in.Carried.Version != newerVersion {
		return args
	}
	state := *in.Carried
	state.Version = version
	in.Carried = &state
	return []any{in}
}
