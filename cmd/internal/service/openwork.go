package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/workflows"
)

// These limits bound the cost of a pass for any number of workflows.
const (
	openWorkEvery = time.Minute
	openWorkRetry = 10 * time.Second
	// maxListed is how many workflows of a kind a pass lists; maxStates is how many states it reads. It reads the states first that were read
	// longest ago.
	maxListed = 2000
	maxStates = 100
	listTime  = 20 * time.Second
	stateTime = 3 * time.Second
	// maxTimeouts is how many workflows in a row may be too slow to answer before a pass leaves the rest of their kind unread.
	maxTimeouts = 3
	// endedFor is how long a workflow that has completed with attention is counted.
	endedFor = 24 * time.Hour
)

// openWork reads open questions, approvals and notices from Temporal and shows their numbers as metrics. Workers can't count them, because a
// restart would lose the count. A scrape shows the results of the last pass and never waits for Temporal.
type openWork struct {
	temporal  client.Client
	namespace string
	log       *zap.Logger
	now       func() time.Time

	// states are the last states that were read, by workflow ID.
	states map[string]stateRead
	// fails says that the last pass failed.
	fails bool

	mu    sync.Mutex
	found openWorkFound
}

// openWorkFound is the result of a pass; at is zero before the first one.
type openWorkFound struct {
	ok        bool
	at        time.Time
	running   map[string]int64
	attention map[attentionKey]int
	waiting   map[string]waiting
	unread    int
}

type attentionKey struct{ workflowType, reason string }

// waiting is how many items wait, and since when the oldest one does.
type waiting struct {
	count  int
	oldest time.Time
}

func (w waiting) with(since time.Time) waiting { return w.plus(waiting{count: 1, oldest: since}) }

func (w waiting) plus(other waiting) waiting {
	if w.count == 0 || other.count > 0 && other.oldest.Before(w.oldest) {
		w.oldest = other.oldest
	}
	w.count += other.count
	return w
}

// The kinds of waiting items.
const (
	waitsQuestion      = "question"
	waitsApproval      = "approval"
	waitsNotice        = "notice"
	waitsNoticeGivenUp = "notice_given_up"
)

// stateRead holds the waiting items in the state of a workflow.
type stateRead struct {
	// at is when it was last tried; ok is false until a try has succeeded.
	at      time.Time
	ok      bool
	waiting map[string]waiting
}

// run reads every minute until ctx ends.
func (o *openWork) run(ctx context.Context) {
	for {
		pause := openWorkEvery
		if !o.pass(ctx) {
			pause = openWorkRetry
		}
		if !health.Sleep(ctx, health.Jitter(pause)) {
			return
		}
	}
}

// pass reads once and shows what it found. It logs the first of failures in a row.
func (o *openWork) pass(ctx context.Context) (ok bool) {
	found, err := o.read(ctx)
	if ctx.Err() != nil {
		return false
	}
	o.mu.Lock()
	if o.found.ok = err == nil; o.found.ok {
		o.found = found
	}
	o.mu.Unlock()
	if err != nil && !o.fails {
		o.log.Warn("open work not read: its metrics show the last values", zap.Error(err))
	}
	o.fails = err != nil
	return err == nil
}

func (o *openWork) read(ctx context.Context) (found openWorkFound, err error) {
	if found.running, err = o.countRunning(ctx); err != nil {
		return found, err
	}
	if found.attention, err = o.countAttention(ctx); err != nil {
		return found, err
	}
	if found.waiting, found.unread, err = o.countWaiting(ctx); err != nil {
		return found, err
	}
	found.ok, found.at = true, o.now()
	return found, nil
}

// countRunning counts the running workflows by type.
func (o *openWork) countRunning(ctx context.Context) (map[string]int64, error) {
	running := map[string]int64{}
	for _, workflowType := range []string{
		workflows.OffloadCaseWorkflow, workflows.ArtmailActivationWorkflow, workflows.NotifyWorkflow, workflows.OffloadFilesWorkflow,
	} {
		n, err := o.count(ctx, runningOf(workflowType))
		if err != nil {
			return nil, err
		}
		running[workflowType] = n
	}
	return running, nil
}

// countAttention counts the workflows that need attention, by reason.
func (o *openWork) countAttention(ctx context.Context) (map[attentionKey]int, error) {
	// A run that was continued or terminated keeps its attention for as long as Temporal keeps it.
	withAttention, err := o.list(ctx, fmt.Sprintf("%s IS NOT NULL AND (ExecutionStatus = 'Running' OR ExecutionStatus = 'Completed' AND CloseTime > '%s')",
		workflows.SearchAttributeAttention, o.now().Add(-endedFor).UTC().Format(time.RFC3339)))
	if err != nil {
		return nil, err
	}
	attention := map[attentionKey]int{}
	for _, execution := range withAttention {
		if reference, ok := workflows.ParseOffloadCaseWorkflowID(execution.GetExecution().GetWorkflowId()); ok && workflows.IsCanaryReference(reference) {
			continue // a canary needs no person
		}
		for _, reason := range reasonsOf(execution) {
			attention[attentionKey{execution.GetType().GetName(), reason}]++
		}
	}
	return attention, nil
}

// countWaiting counts the waiting items by kind, and the workflows whose items it does not know.
func (o *openWork) countWaiting(ctx context.Context) (all map[string]waiting, unread int, err error) {
	kept := map[string]stateRead{}
	for _, kind := range []struct {
		query string
		read  func(ctx context.Context, workflowID string) (map[string]waiting, error)
	}{
		{runningOf(workflows.OffloadCaseWorkflow) + fmt.Sprintf(" AND %s = '%s'", workflows.SearchAttributeState, workflows.CaseInputNeeded), o.question},
		{runningOf(workflows.ArtmailActivationWorkflow), o.approvals},
		{runningOf(workflows.NotifyWorkflow), o.notices},
	} {
		executions, err := o.list(ctx, kind.query)
		if err != nil {
			return nil, 0, err
		}
		unreadOfKind, err := o.readStates(ctx, executions, kind.read, kept)
		if err != nil {
			return nil, 0, err
		}
		unread += unreadOfKind
		if len(executions) == maxListed {
			listable, err := o.count(ctx, kind.query)
			if err != nil {
				return nil, 0, err
			}
			unread += max(0, int(listable)-maxListed)
		}
	}
	o.states = kept
	all = map[string]waiting{}
	for _, state := range kept {
		for kind, w := range state.waiting {
			all[kind] = all[kind].plus(w)
		}
	}
	return all, unread, nil
}

func runningOf(workflowType string) string {
	return fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflowType)
}

func (o *openWork) count(ctx context.Context, query string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	counted, err := o.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: o.namespace, Query: query})
	if err != nil {
		return 0, fmt.Errorf("count workflows: %w", err)
	}
	return counted.GetCount(), nil
}

// list returns up to maxListed workflows, the newest first.
func (o *openWork) list(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	var all []*workflowpb.WorkflowExecutionInfo
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: o.namespace, Query: query, PageSize: maxListed / 4}
	for {
		page, err := o.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list workflows: %w", err)
		}
		all = append(all, page.GetExecutions()...)
		if len(page.GetNextPageToken()) == 0 || len(all) >= maxListed {
			return all[:min(len(all), maxListed)], nil
		}
		request.NextPageToken = page.GetNextPageToken()
	}
}

// readStates reads the states again that were read longest ago, puts them into kept, and returns how many were never read. Workflows that are too
// slow to answer keep their last state, and come last in the next pass. If none answers, it fails.
func (o *openWork) readStates(ctx context.Context, executions []*workflowpb.WorkflowExecutionInfo,
	read func(context.Context, string) (map[string]waiting, error), kept map[string]stateRead,
) (unread int, err error) {
	ids := make([]string, 0, len(executions))
	for _, execution := range executions {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(o.states[a].at.UnixNano(), o.states[b].at.UnixNano()) })
	answered, timeouts := false, 0
	var slow error
	for i, id := range ids {
		state := o.states[id]
		if i < maxStates && timeouts < maxTimeouts {
			found, err := o.readState(ctx, id, read)
			switch {
			case err == nil:
				answered, timeouts = true, 0
				state = stateRead{at: o.now(), ok: true, waiting: found}
			case errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*serviceerror.DeadlineExceeded)):
				timeouts, slow = timeouts+1, err
				state.at = o.now()
				o.states[id] = state // also if this pass fails
			default:
				return 0, err
			}
		}
		if kept[id] = state; !state.ok {
			unread++
		}
	}
	if slow != nil && !answered {
		return 0, fmt.Errorf("no worker answers for %d workflows in a row: %w", timeouts, slow)
	}
	return unread, nil
}

// readState returns nothing for a workflow that can't answer: it has ended since, or its workflow task fails, for which there is another metric.
func (o *openWork) readState(ctx context.Context, id string, read func(context.Context, string) (map[string]waiting, error)) (map[string]waiting, error) {
	ctx, cancel := context.WithTimeout(ctx, stateTime)
	defer cancel()
	found, err := read(ctx, id)
	for _, cannot := range []any{new(*serviceerror.NotFound), new(*serviceerror.QueryFailed), new(*serviceerror.WorkflowNotReady)} {
		if errors.As(err, cannot) {
			return nil, nil
		}
	}
	return found, err
}

func (o *openWork) query(ctx context.Context, id string, state any) error {
	answer, err := o.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID: id, QueryType: workflows.QueryState, QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
	})
	if err != nil {
		return fmt.Errorf("read the state of a workflow: %w", err)
	}
	if answer.QueryRejected != nil { // the workflow has ended since
		return nil
	}
	return answer.QueryResult.Get(state)
}

func (o *openWork) question(ctx context.Context, id string) (map[string]waiting, error) {
	var state workflows.CaseState
	if err := o.query(ctx, id, &state); err != nil || state.Status != workflows.CaseInputNeeded {
		return nil, err
	}
	return map[string]waiting{waitsQuestion: waiting{}.with(state.Since)}, nil
}

func (o *openWork) approvals(ctx context.Context, id string) (map[string]waiting, error) {
	var state workflows.ActivationState
	if err := o.query(ctx, id, &state); err != nil {
		return nil, err
	}
	open := map[string]waiting{}
	for _, approval := range state.Approvals {
		if approval.Status == workflows.ApprovalOpen {
			open[waitsApproval] = open[waitsApproval].with(approval.RequestedAt)
		}
	}
	return open, nil
}

func (o *openWork) notices(ctx context.Context, id string) (map[string]waiting, error) {
	var state workflows.NotifyState
	if err := o.query(ctx, id, &state); err != nil {
		return nil, err
	}
	open := map[string]waiting{}
	for _, notice := range state.Notices {
		switch notice.Status {
		case workflows.NoticeWaiting:
			open[waitsNotice] = open[waitsNotice].with(notice.Time)
		case workflows.NoticeGivenUp:
			open[waitsNoticeGivenUp] = open[waitsNoticeGivenUp].with(notice.Time)
		case workflows.NoticeDelivered, workflows.NoticeDismissed:
		}
	}
	return open, nil
}

// reasonsOf returns the attention reasons of a workflow, as the contract names them.
func reasonsOf(execution *workflowpb.WorkflowExecutionInfo) (reasons []string) {
	payload := execution.GetSearchAttributes().GetIndexedFields()[workflows.SearchAttributeAttention]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &reasons) != nil {
		return nil
	}
	return reasons
}
