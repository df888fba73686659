package signalbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Pauses after Temporal was away, while something is waited for.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// result gets the result of a workflow. While Temporal is away it tries again.
func (c *Client) result(ctx context.Context, op, workflowID string, into any) error {
	pause := firstPause
	for {
		began := time.Now() //nolint:forbidigo // what is measured is only how long a call hung
		err := c.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, into)
		err = translate(op, err)
		if ctx.Err() != nil || !away(err) && !c.replaced(ctx, workflowID, err) {
			return err
		}
		if time.Since(began) > time.Minute { //nolint:forbidigo // see above: Temporal was there meanwhile
			pause = firstPause
		}
		if !sleep(ctx, pause) {
			return fmt.Errorf("%s: %w: %w", op, ctx.Err(), err)
		}
		pause = min(2*pause, longestPause)
	}
}

// replaced says whether a run was terminated by a reset: another run of the workflow goes on, or has ended well.
func (c *Client) replaced(ctx context.Context, workflowID string, err error) bool {
	if !errors.Is(err, ErrTerminated) {
		return false
	}
	described, err := c.temporal.DescribeWorkflow(ctx, workflowID, "")
	return err == nil && (described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
}

// away says whether Temporal, or what is in front of it, may be back later. The SDK's own timeout for a call looks like the caller's.
func away(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// sleep is false when ctx ends before.
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

// WaitForChange waits until the case has ended or stands elsewhere than known says, at most for atMost, and returns where it stands then. That
// the time is over is no error. A nil known means where it stands at first. What counts as a change: the status, the caseId, the question, the
// answers, the attention, a check, and that an adoption is being verified; what Offload says in between does not.
//
// It needs a running worker, as State does. One that waits costs Temporal one query and one read of the history at first, then a call every
// 20 seconds, and one query whenever the workflow takes a step. It leaves no goroutine behind. Each frontend of Temporal lets 1,200 calls wait
// in a namespace at once, unless its setting frontend.namespaceCount says otherwise; those beyond it are tried again.
func (c *Case) WaitForChange(ctx context.Context, atMost time.Duration, known *workflows.CaseState) (workflows.CaseState, error) {
	description, err := c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), "")
	if err != nil {
		return workflows.CaseState{}, translate(c.op("wait for"), err)
	}
	within, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	state, err := c.State(ctx)
	for away(err) && sleep(within, firstPause) { // a worker that stops cuts the query
		state, err = c.State(ctx)
	}
	if err != nil {
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
		case err != nil && !away(err):
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

// changeWait is one wait. The events of the run up to seen are known.
type changeWait struct {
	of    *Case
	known workflows.CaseState
	last  workflows.CaseState
	runID string
	seen  int64
}

// follow reads the history as it grows until the case has changed, which is done, or its run is over. The next call follows the run after that.
func (w *changeWait) follow(ctx context.Context) (done bool, err error) {
	op := w.of.op("wait for")
	events := w.of.client.temporal.GetWorkflowHistory(ctx, w.of.WorkflowID(), w.runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return false, translate(op, err)
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

// changed says whether a business app would see a difference.
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
