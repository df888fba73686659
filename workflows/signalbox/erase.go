package signalbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ErrStillOpen: the case or activation to erase is open, or its files or notices are under way.
var ErrStillOpen = errors.New("it is still open")

// Erasure is all that Temporal holds of one case or activation: the workflow itself, that of its files, that of its notices, and the hand-over
// workflow of an activation. Call Find first. Each call may be repeated.
type Erasure struct {
	client *Client
	// Source is the workflow ID of the case or activation.
	Source string
	// HandOver is the type of the activation's hand-over workflow; empty: it has none.
	HandOver string
	// parts begin with the source.
	parts  []erasedPart
	caseID func(ctx context.Context) []string
	// found are the runs of the source that Find has seen. Another run is of a later start, and is not erased.
	found map[string]bool
	// lastStart is when the last run that Find has seen started; late is how many runs Delete has seen that started later.
	lastStart time.Time
	late      int
	// open says that Find saw work under way; endedAt is when the last of it was terminated, by this erasure or before it.
	open    bool
	endedAt time.Time
}

// erasedPart is one workflow. Where its type is given, another one of the same ID is left alone.
type erasedPart struct{ name, id, workflowType string }

// EraseCase returns what is to be erased of a case. It changes nothing by itself.
func (c *Client) EraseCase(reference string) (*Erasure, error) {
	if err := workflows.ValidateReference(reference); err != nil {
		return nil, fmt.Errorf("erase: %w: %w", ErrInvalid, err)
	}
	source := workflows.OffloadCaseWorkflowID(reference)
	return &Erasure{
		client: c, Source: source,
		parts: []erasedPart{
			{"the case", source, workflows.OffloadCaseWorkflow},
			{"its files", workflows.OffloadFilesWorkflowID(reference), workflows.OffloadFilesWorkflow},
			{"its notices", workflows.NotifyWorkflowID(source), workflows.NotifyWorkflow},
		},
		caseID: func(ctx context.Context) []string {
			// Without a worker, the search attributes have the one that counts.
			state, _ := c.Case(reference).State(ctx)
			return append(state.OtherCaseIDs, state.CaseID)
		},
	}, nil
}

// EraseActivation returns what is to be erased of an activation. handOverType is the type of its agent's hand-over workflow; empty: it has none.
func (c *Client) EraseActivation(agent, activationID, handOverType string) (*Erasure, error) {
	if err := errors.Join(workflows.ValidateAgent(agent), workflows.ValidateActivationID(activationID)); err != nil {
		return nil, fmt.Errorf("erase: %w: %w", ErrInvalid, err)
	}
	source := workflows.ArtmailActivationWorkflowID(agent, activationID)
	e := &Erasure{client: c, Source: source, HandOver: handOverType, parts: []erasedPart{
		{"the activation", source, workflows.ArtmailActivationWorkflow},
		{"its notices", workflows.NotifyWorkflowID(source), workflows.NotifyWorkflow},
	}}
	if handOverType != "" {
		e.parts = append(e.parts, erasedPart{"its hand-over workflow", workflows.HandOverWorkflowID(agent, activationID), handOverType})
	}
	return e, nil
}

// Held is what Temporal holds.
type Held struct {
	// Runs is how many executions there are.
	Runs int
	// Open says in words what is under way. Notices that were delivered or given up are not.
	Open []string
	// CaseIDs are those of the case at Offload.
	CaseIDs []string
	// StillRunning: the case has not ended at Offload, as far as is known here.
	StillRunning bool
}

// Find says what Temporal holds.
func (e *Erasure) Find(ctx context.Context) (Held, error) {
	var held Held
	e.found = map[string]bool{}
	ended := false
	for _, part := range e.parts {
		runs, err := e.runs(ctx, part)
		if err != nil {
			return held, err
		}
		held.Runs += len(runs)
		for _, run := range runs {
			if run.StartedAt.After(e.lastStart) {
				e.lastStart = run.StartedAt
			}
			if run.status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED && run.ClosedAt.After(e.endedAt) {
				e.endedAt = run.ClosedAt // by an erasure that was cut off, or by a person
			}
			if part.id == e.Source {
				e.found[run.RunID] = true
				ended = ended || run.status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED && !slices.Contains(run.Attention, workflows.AttentionStillRunning)
			}
			if run.caseID != "" && !slices.Contains(held.CaseIDs, run.caseID) {
				held.CaseIDs = append(held.CaseIDs, run.caseID)
			}
			if run.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				continue
			}
			if open := e.underWay(ctx, part); open != "" {
				held.Open = append(held.Open, open)
			}
		}
	}
	e.open = len(held.Open) > 0
	held.StillRunning = e.caseID != nil && len(e.found) > 0 && !ended
	if held.Runs > 0 && e.caseID != nil {
		held.CaseIDs = append(held.CaseIDs, e.caseID(ctx)...)
	}
	return held, nil
}

// underWay describes the work that a running workflow still has; empty if none. The workflow "notify" keeps running for minutes after its last notice.
func (e *Erasure) underWay(ctx context.Context, part erasedPart) string {
	if part.workflowType != workflows.NotifyWorkflow {
		return part.name
	}
	state, err := e.client.notices(ctx, e.Source)
	if err != nil {
		return part.name + "; no worker says whether they are delivered"
	}
	waiting := 0
	for _, notice := range state.Notices {
		if notice.Status == workflows.NoticeWaiting {
			waiting++
		}
	}
	if waiting == 0 {
		return ""
	}
	return fmt.Sprintf("%s, of which %d wait to be delivered", part.name, waiting)
}

// End terminates what runs. Then Delete takes half a minute or more, if Find saw work under way. A later Erasure waits as well: Find reads when
// a workflow was terminated.
func (e *Erasure) End(ctx context.Context, by string) error {
	for _, part := range e.parts {
		runs, err := e.runs(ctx, part)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if run.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				continue
			}
			if part.id == e.Source && !e.found[run.RunID] {
				return fmt.Errorf("%w: %s has begun a new run meanwhile: run the command again", ErrStillOpen, part.id)
			}
			err := e.client.temporal.TerminateWorkflow(ctx, part.id, run.RunID, "erased by "+by)
			if err != nil && !errors.As(err, new(*serviceerror.NotFound)) {
				return translate(ctx, "end "+part.id, err)
			}
			if e.open {
				e.endedAt = now()
			}
		}
	}
	return nil
}

const (
	// erasePause is the pause before Erasure asks again whether Temporal has deleted; eraseTime is how long that may take for one run.
	erasePause = 250 * time.Millisecond
	eraseTime  = 2 * time.Minute
	// lateStart is how long the activities of a terminated workflow may still start another one: a delivery to a hand-over workflow goes
	// on for 25 s at most, a hand-off of notices and files for 5 s.
	lateStart = 30 * time.Second
	// mostLateStarts is how many late starts an erasure deletes. Activities under way make a few at most; more are an app's.
	mostLateStarts = 5
)

// Delete deletes the histories of all runs, and returns when Temporal has deleted them. It reads again until it finds nothing, and, if work was
// terminated less than lateStart ago, until that work can start nothing more. It deletes the source last: until then its workflow ID can't be
// used again, and a repeated erasure reads it. Delete returns ErrStillOpen if an app starts a workflow again and again.
func (e *Erasure) Delete(ctx context.Context) (deleted int, err error) {
	e.late = 0
	for {
		workOver, found := now().Sub(e.endedAt) >= lateStart, 0
		for _, part := range slices.Backward(e.parts[1:]) {
			n, err := e.delete(ctx, part)
			found += n
			if err != nil {
				return deleted + found, err
			}
		}
		deleted += found
		if found == 0 && workOver {
			break
		}
		if !sleep(ctx, erasePause) {
			return deleted, ctx.Err()
		}
	}
	n, err := e.delete(ctx, e.parts[0])
	return deleted + n, err
}

// delete deletes one run after the other. Runs of which one was reset to another share events: deleted at once, each spares them for the other.
func (e *Erasure) delete(ctx context.Context, part erasedPart) (int, error) {
	deadlines := map[string]time.Time{}
	for {
		runs, err := e.runs(ctx, part)
		if part.id == e.Source {
			runs = slices.DeleteFunc(runs, func(run execution) bool { return !e.found[run.RunID] })
		}
		if err != nil || len(runs) == 0 {
			return len(deadlines), err
		}
		run := runs[0]
		if deadlines[run.RunID].IsZero() { // or else the list still shows what was deleted
			if run.StartedAt.After(e.lastStart) {
				e.late++
			}
			if e.late > mostLateStarts {
				return len(deadlines), fmt.Errorf("%w: %s is started again and again: stop its app and repeat the erasure", ErrStillOpen, part.id)
			}
			deadlines[run.RunID] = now().Add(eraseTime)
			if run.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				e.endedAt = now() // it started late, and is terminated now
			}
		}
		if err := e.deleteRun(ctx, part.id, run.RunID, deadlines[run.RunID]); err != nil {
			return len(deadlines), err
		}
	}
}

// deleteRun returns when Temporal has no such run any more.
func (e *Erasure) deleteRun(ctx context.Context, id, runID string, deadline time.Time) error {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, fmt.Errorf("%w: Temporal has not deleted run %s of %s for %s: repeat the erasure", ErrUnavailable, runID, id, eraseTime))
	defer cancel()
	_, err := e.client.temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: e.client.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: runID},
	})
	for ; !errors.As(err, new(*serviceerror.NotFound)); _, err = e.client.temporal.DescribeWorkflow(ctx, id, runID) {
		if err != nil && ctx.Err() == nil {
			return translate(ctx, "delete "+id, err)
		}
		if !sleep(ctx, erasePause) {
			return context.Cause(ctx)
		}
	}
	sleep(ctx, erasePause) // Temporal deletes the events last
	return nil
}

// runs are the executions of a workflow. Temporal's list lags behind a start, and its answer about the newest run behind a deletion.
func (e *Erasure) runs(ctx context.Context, part erasedPart) ([]execution, error) {
	op := "find " + part.id
	where, err := conditions{typeIs(part.workflowType)}.in("workflow ID", "WorkflowId", part.id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	all, _, err := e.client.listAll(ctx, op, where, mostErasedRuns)
	if err != nil {
		return nil, err
	}
	newest, err := e.client.temporal.DescribeWorkflow(ctx, part.id, "")
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return all, nil
	case err != nil:
		return nil, translate(ctx, op, err)
	case newest.WorkflowType.Name != part.workflowType:
		return all, nil
	}
	current := execution{Listed: Listed{WorkflowID: part.id, RunID: newest.WorkflowExecution.RunID, StartedAt: newest.WorkflowStartTime}, status: newest.Status}
	if closed := newest.WorkflowCloseTime; closed != nil {
		current.ClosedAt = *closed
	}
	for i := range all {
		if all[i].RunID == current.RunID {
			all[i].status, all[i].ClosedAt = current.status, current.ClosedAt
			return all, nil
		}
	}
	return append(all, current), nil
}

func now() time.Time { return time.Now() } //nolint:forbidigo // an erasure only measures how long it takes

// mostErasedRuns is how many runs one read finds; a workflow with more is read again.
const mostErasedRuns = 1000
