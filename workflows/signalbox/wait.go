package signalbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Pauses before a wait tries again, while Temporal is unavailable.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// awaitResult waits for the result of a workflow. It keeps trying while Temporal is unavailable.
func awaitResult[T any](ctx context.Context, c *Client, op, workflowID string) (T, error) {
	var result T
	pause := firstPause
	for {
		began := time.Now() //nolint:forbidigo // it measures the length of a call only
		cause := missing(workflowID, c.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, &result))
		err := translate(ctx, op, cause)
		if ctx.Err() != nil || !isTransient(err) && !c.replaced(ctx, workflowID, err) {
			return result, err
		}
		if time.Since(began) > time.Minute { //nolint:forbidigo // as above: such a long call means that Temporal was available
			pause = firstPause
		}
		if !sleep(ctx, pause) {
			return result, fmt.Errorf("%s: %w: %w", op, ctx.Err(), cause)
		}
		pause = min(2*pause, longestPause)
	}
}

// replaced reports whether a reset terminated the run: a newer run of the workflow is running or has completed. If Temporal can't be
// asked now, it returns true.
func (c *Client) replaced(ctx context.Context, workflowID string, err error) bool {
	if !errors.Is(err, ErrTerminated) {
		return false
	}
	described, err := c.temporal.DescribeWorkflow(ctx, workflowID, "")
	if err != nil {
		return isTransient(translate(ctx, "", err))
	}
	return described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
}

// isTransient reports whether a later call may succeed. The SDK's timeout looks like the caller's, so both count.
func isTransient(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// sleep waits, and returns false if ctx ends first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// WaitForChange waits until the case has ended or differs from known, but at most for atMost, and returns the state of the case. If the
// time passes without a change, that is no error. If known is nil, the state at the call is used. These are changes: the status, the
// caseId, the question, the answers, the attention, a requested check, and the verification of an adoption. Other facts that Offload
// reports in between are not.
//
// It needs a running worker, as State does. One wait costs Temporal one query and one read of the history at first, then one call every
// 20 seconds, and one query for each step of the workflow. It leaves no goroutine behind. Each Temporal frontend lets 1,200 such calls of
// a namespace wait at once, unless its setting frontend.namespaceCount says otherwise; WaitForChange retries the others.
func (c *Case) WaitForChange(ctx context.Context, atMost time.Duration, known *workflows.CaseState) (workflows.CaseState, error) {
	within, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	var (
		description *client.WorkflowExecutionDescription
		state       workflows.CaseState
	)
	read := func() (err error) {
		// The length of the history comes first, so that no change after the state is missed.
		if description, err = c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), ""); err != nil {
			return translate(ctx, c.op("wait for"), missing(c.WorkflowID(), err))
		}
		state, err = c.State(ctx)
		return err
	}
	err := read()
	for isTransient(err) && sleep(within, firstPause) { // a worker that stops makes the query fail
		err = read()
	}
	switch {
	case isTransient(err) && ctx.Err() != nil:
		return state, fmt.Errorf("%s: %w", c.op("wait for"), ctx.Err())
	case err != nil:
		return state, err
	}
	if known == nil {
		known = &state
	}
	if state.Status.Ended() || changed(*known, state) {
		return state, nil
	}
	w := &changeWait{of: c, known: *known, last: state, runID: description.WorkflowExecution.RunID, seen: int64(description.HistoryLength)}
	for pause := firstPause; within.Err() == nil; pause = min(2*pause, longestPause) {
		done, err := w.follow(within)
		switch {
		case done:
			return w.last, nil
		case within.Err() != nil:
		case err != nil && !isTransient(err):
			return w.last, err
		case err == nil:
			pause = firstPause
		}
		if err != nil {
			sleep(within, pause)
		}
	}
	if err := ctx.Err(); err != nil {
		return w.last, fmt.Errorf("%s: %w", c.op("wait for"), err)
	}
	return w.last, nil
}

// changeWait is one WaitForChange. It has read the events of the run runID up to seen.
type changeWait struct {
	of    *Case
	known workflows.CaseState
	last  workflows.CaseState
	runID string
	seen  int64
}

// follow reads the growing history until the case has changed (done is true) or the run has ended. The next call follows the next run.
func (w *changeWait) follow(ctx context.Context) (done bool, err error) {
	op := w.of.op("wait for")
	events := w.of.client.temporal.GetWorkflowHistory(ctx, w.of.WorkflowID(), w.runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false, translate(ctx, op, err)
		}
		if event.GetEventId() <= w.seen {
			continue
		}
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
			w.runID, w.seen = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(), 0
			return false, nil
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
			state, err := w.of.State(ctx)
			if err != nil {
				return false, err
			}
			w.seen, w.last = event.GetEventId(), state
			if state.Status.Ended() || changed(w.known, state) {
				return true, nil
			}
		default:
		}
	}
	w.runID, w.seen = "", 0 // the run was reset
	return false, nil
}

// changed reports whether two states differ for a business app.
func changed(a, b workflows.CaseState) bool {
	return a.Status != b.Status || a.CaseID != b.CaseID || questionID(a) != questionID(b) || a.Verifying != b.Verifying ||
		!slices.Equal(a.Attention, b.Attention) || !slices.Equal(a.Answers, b.Answers) || (a.Check == nil) != (b.Check == nil)
}

func questionID(s workflows.CaseState) string {
	if s.Question == nil {
		return ""
	}
	return s.Question.ID
}
