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

func (w waiting) with(since time.Time) waiting {
	if w.count == 0 || since.Before(w.oldest) {
		w.oldest = since
	}
	w.count++
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
	at      time.Time
	waiting map[string]waiting
}

// run reads every minute until ctx ends.
func (o *openWork) run(ctx context.Context) {
	for {
		found, err := o.read(ctx)
		if ctx.Err() != nil {
			return
		}
		o.mu.Lock()
		wasUp := o.found.ok
		if o.found.ok = err == nil; o.found.ok {
			o.found = found
		}
		o.mu.Unlock()
		if err != nil && wasUp {
			o.log.Warn("open work not read: its metrics show the last values", zap.Error(err))
		}
		pause := openWorkEvery
		if err != nil {
			pause = openWorkRetry
		}
		if !health.Sleep(ctx, health.Jitter(pause)) {
			return
		}
	}
}

func (o *openWork) read(ctx context.Context) (openWorkFound, error) {
	found := openWorkFound{ok: true, running: map[string]int64{}, attention: map[attentionKey]int{}, waiting: map[string]waiting{}}
	for _, workflowType := range []string{
		workflows.OffloadCaseWorkflow, workflows.ArtmailActivationWorkflow, workflows.NotifyWorkflow, workflows.OffloadFilesWorkflow,
	} {
		n, err := o.count(ctx, runningOf(workflowType))
		if err != nil {
			return found, err
		}
		found.running[workflowType] = n
	}
	looked, err := o.list(ctx, workflows.SearchAttributeAttention+" IS NOT NULL")
	if err != nil {
		return found, err
	}
	for _, execution := range looked {
		if reference, ok := workflows.ParseOffloadCaseWorkflowID(execution.GetExecution().GetWorkflowId()); ok && workflows.IsCanaryReference(reference) {
			continue // a terminated workflow keeps its search attributes
		}
		for _, reason := range reasonsOf(execution) {
			found.attention[attentionKey{execution.GetType().GetName(), reason}]++
		}
	}
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
			return found, err
		}
		unread, err := o.readStates(ctx, executions, kind.read, kept)
		if err != nil {
			return found, err
		}
		found.unread += unread
	}
	o.states = kept
	for _, state := range kept {
		for kind, w := range state.waiting {
			sum := found.waiting[kind]
			if sum.count == 0 || w.oldest.Before(sum.oldest) {
				sum.oldest = w.oldest
			}
			sum.count += w.count
			found.waiting[kind] = sum
		}
	}
	found.at = o.now()
	return found, nil
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

// readStates reads the states that are oldest again, and forgets those of other workflows. It returns how many were never read. If no worker
// answers, it leaves the states unchanged.
func (o *openWork) readStates(ctx context.Context, executions []*workflowpb.WorkflowExecutionInfo,
	read func(context.Context, string) (map[string]waiting, error), kept map[string]stateRead,
) (unread int, err error) {
	ids := make([]string, 0, len(executions))
	for _, execution := range executions {
		ids = append(ids, execution.GetExecution().GetWorkflowId())
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Compare(o.states[a].at.UnixNano(), o.states[b].at.UnixNano()) })
	for i, id := range ids {
		if i < maxStates && err == nil {
			var found map[string]waiting
			if found, err = o.readState(ctx, id, read); err == nil {
				kept[id] = stateRead{at: o.now(), waiting: found}
				continue
			}
		}
		if last, known := o.states[id]; known {
			kept[id] = last
		} else {
			unread++
		}
	}
	return unread, err
}

// readState returns nothing for a workflow that can't answer: it has ended since, or its workflow task fails, for which there is another metric.
func (o *openWork) readState(ctx context.Context, id string, read func(context.Context, string) (map[string]waiting, error)) (map[string]waiting, error) {
	ctx, cancel := context.WithTimeout(ctx, stateTime)
	defer cancel()
	found, err := read(ctx, id)
	var (
		gone   *serviceerror.NotFound
		failed *serviceerror.QueryFailed
	)
	if errors.As(err, &gone) || errors.As(err, &failed) {
		return nil, nil
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
