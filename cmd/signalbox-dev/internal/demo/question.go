package demo

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// LeaveQuestion starts a case that asks something and leaves the question open, for the reader to answer on the page. It returns once the
// question is there, and prints where.
func LeaveQuestion(ctx context.Context, instance *dev.Instance, out io.Writer) (*signalbox.Case, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began := time.Now() //nolint:forbidigo // a clock for people who watch
	one, err := instance.Apps.StartCase(ctx, workflows.CaseStart{
		Reference: "your-turn-" + began.UTC().Format("20060102-150405"),
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "question@vendor.example", Name: "Ada Vendor"},
			SenderPersona: workflows.SenderPersona{Name: "Grace", Role: "Accounts payable"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start the case with a question: %w", err)
	}
	if _, err := await(ctx, one.State, func(state workflows.CaseState) bool { return state.Status == workflows.CaseInputNeeded }); err != nil {
		return nil, fmt.Errorf("wait for the question: %w", err)
	}
	// Lists show a change a moment later.
	toDo := func(ctx context.Context) (signalbox.ToDoList, error) {
		return instance.Apps.ToDo(ctx, signalbox.ToDoOptions{})
	}
	if _, err := await(ctx, toDo, func(list signalbox.ToDoList) bool {
		return slices.ContainsFunc(list.Items, func(item signalbox.ToDoItem) bool { return item.WorkflowID == one.WorkflowID() })
	}); err != nil {
		return nil, fmt.Errorf("wait for the to-do list: %w", err)
	}
	where := "With --internal-listen there is a page to answer it on."
	if page := instance.InternalURL(); page != "" {
		where = "Answer it here, and see the case end:  " + page + "/"
	}
	_, err = fmt.Fprintf(out, "\nYour turn: a case asks a question, and waits for you.\n%s\n", where)
	if err != nil {
		return nil, fmt.Errorf("write output: %w", err)
	}
	return one, nil
}

// SayEnd prints one line when the case of LeaveQuestion has ended. A wait that fails, such as by a stop, prints nothing.
func SayEnd(ctx context.Context, one *signalbox.Case, out io.Writer) {
	if outcome, err := one.Wait(ctx); err == nil {
		_, _ = fmt.Fprintf(out, "%s %s\n", one.Reference(), outcome.Status)
	}
}
