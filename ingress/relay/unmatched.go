package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// unmatched keeps deliveries pending for their workflow until the grace time of each is over: Config.UnmatchedGrace, from the first signal
// that found no workflow. The class notFound leads here: it comes from whyNotFound, if Temporal does not know the workflow, and from
// sendOffload, if it finds no case.
func (r *Relay) unmatched(left []inbox.Delivery) []inbox.Settlement {
	const reason = "no such workflow"
	now := r.now()
	out := make([]inbox.Settlement, 0, len(left))
	for _, d := range left {
		since := d.UnmatchedSince
		if since.IsZero() || since.After(now) { // a clock that was ahead
			since = now
		}
		waited := now.Sub(since)
		if waited < r.config.UnmatchedGrace {
			pause := min(uncountedPause(waited), r.config.UnmatchedGrace-waited)
			out = append(out, inbox.Unmatched(d.ID, now.Add(pause), since, reason))
			continue
		}
		r.logger.Warn("delivery is unmatched", zap.String("delivery", d.ID), zap.String("lane", d.Lane))
		out = append(out, inbox.Finish(d.ID, inbox.StateUnmatched, reason))
	}
	return out
}

const (
	// maxUnmatched is how many of the newest unmatched deliveries each pass reads, and how many older ones; the last page may exceed it. The
	// next pass goes on with the older ones where this one ended.
	maxUnmatched = 1000
	// idsPerQuery bounds the length of a visibility query.
	idsPerQuery = 50
)

// replayPass replays unmatched deliveries whose workflow has started since, even if the workflow has already ended. Usually nothing is
// unmatched, and a pass reads one empty page.
func (r *Relay) replayPass(ctx context.Context) time.Duration {
	replayed, err := r.replayUnmatched(ctx)
	if replayed > 0 {
		r.logger.Info("unmatched deliveries replayed: their workflows have started", zap.Int("deliveries", replayed))
	}
	if err != nil && ctx.Err() == nil {
		r.logger.Warn("replay unmatched deliveries", zap.Error(err))
	}
	// Jitter keeps several relays apart. Two that replay the same lane at once may repeat a signal; its workflow ignores the repetition.
	return jittered(r.config.ReplayInterval)
}

func (r *Relay) replayUnmatched(ctx context.Context) (replayed int, err error) {
	lanes, older, err := r.unmatchedLanes(ctx)
	if err != nil {
		return 0, err
	}
	started, listErr := r.startedLanes(ctx, lanes)
	var failed error
	for _, lane := range started {
		n, err := r.replayLane(ctx, lane)
		replayed += n
		if err == nil {
			continue
		}
		failed = errors.Join(failed, fmt.Errorf("lane %s: %w", lane, err))
		if !errors.Is(err, inbox.ErrLocked) { // that concerns one lane, and others can be replayed
			return replayed, failed
		}
	}
	if listErr == nil {
		r.olderUnmatched = older // a pass that failed is repeated
	}
	return replayed, errors.Join(failed, listErr)
}

// unmatchedLanes returns lanes with unmatched deliveries, each with the one that was settled last, and the cursor of the next pass.
func (r *Relay) unmatchedLanes(ctx context.Context) (lanes map[string]inbox.Delivery, older string, err error) {
	lanes = map[string]inbox.Delivery{}
	next, err := r.readUnmatched(ctx, "", lanes)
	if err != nil || next == "" {
		return lanes, "", err
	}
	older, err = r.readUnmatched(ctx, cmp.Or(r.olderUnmatched, next), lanes)
	return lanes, older, err
}

// readUnmatched adds the lanes of the deliveries after a cursor, and returns the cursor after them; empty at the end of the list.
func (r *Relay) readUnmatched(ctx context.Context, cursor string, lanes map[string]inbox.Delivery) (string, error) {
	filter := inbox.Filter{States: []inbox.State{inbox.StateUnmatched}, Limit: inbox.MaxPage, Cursor: cursor}
	for seen := 0; seen < maxUnmatched; {
		page, err := r.inbox.List(ctx, filter)
		if err != nil {
			return "", err
		}
		for _, d := range page.Deliveries {
			if last, known := lanes[d.Lane]; !known || d.SettledAt.After(last.SettledAt) {
				lanes[d.Lane] = d
			}
		}
		seen += len(page.Deliveries)
		if filter.Cursor = page.Next; filter.Cursor == "" {
			break
		}
	}
	return filter.Cursor, nil
}

// startedLanes returns the lanes whose workflow runs, or has ended since the grace time of their deliveries began; with an error, those that were
// found before it. A workflow that ended earlier brings no replay: Temporal may still list it, but no longer know it, and then the deliveries
// would become unmatched again and again.
func (r *Relay) startedLanes(ctx context.Context, lanes map[string]inbox.Delivery) ([]string, error) {
	// Two IDs can identify a lane of the shared route, and one ID can identify several lanes.
	byWorkflowID, byCaseID := map[string][]string{}, map[string][]string{}
	for lane, delivery := range lanes {
		if !offload.IsSharedLane(lane) {
			byWorkflowID[lane] = append(byWorkflowID[lane], lane)
			continue
		}
		facts, err := r.caseFacts(ctx, delivery.ID)
		if err != nil {
			return nil, err
		}
		byCaseID[facts.CaseID] = append(byCaseID[facts.CaseID], lane)
		if workflows.ValidateReference(facts.ClientReferenceID) == nil {
			id := workflows.OffloadCaseWorkflowID(facts.ClientReferenceID)
			byWorkflowID[id] = append(byWorkflowID[id], lane)
		}
	}
	started := map[string]bool{}
	add := func(execution *workflowpb.WorkflowExecutionInfo, found []string) {
		ended := execution.GetCloseTime()
		for _, lane := range found {
			if ended == nil || ended.AsTime().After(lanes[lane].SettledAt.Add(-r.config.UnmatchedGrace)) {
				started[lane] = true
			}
		}
	}
	err := r.findStarted(ctx, "WorkflowId", byWorkflowID, func(execution *workflowpb.WorkflowExecutionInfo) {
		add(execution, byWorkflowID[execution.GetExecution().GetWorkflowId()])
	})
	if err == nil {
		err = r.findStarted(ctx, workflows.SearchAttributeCaseID, byCaseID, func(execution *workflowpb.WorkflowExecutionInfo) {
			add(execution, byCaseID[caseIDOf(execution)])
		})
	}
	return slices.Sorted(maps.Keys(started)), err
}

// caseFacts returns the facts in a delivery of the shared route; none if its body is gone or unreadable.
func (r *Relay) caseFacts(ctx context.Context, id string) (workflows.CaseFacts, error) {
	d, err := r.inbox.Get(ctx, id)
	if errors.Is(err, inbox.ErrNotFound) {
		return workflows.CaseFacts{}, nil
	}
	if err != nil {
		return workflows.CaseFacts{}, err
	}
	var parsed hook.Parsed[workflows.CaseEvent]
	if body, err := r.keys.Open(d.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...); err == nil {
		parsed, _ = offload.Provider.Parse(body, metaOf(d))
	}
	return parsed.Event.Facts, nil
}

// findStarted calls found for each workflow, running or ended, whose search attribute has one of the IDs.
func (r *Relay) findStarted(ctx context.Context, attribute string, ids map[string][]string, found func(*workflowpb.WorkflowExecutionInfo)) error {
	quotable := slices.DeleteFunc(slices.Sorted(maps.Keys(ids)), func(id string) bool { return !canQuote(id) })
	for batch := range slices.Chunk(quotable, idsPerQuery) {
		query := fmt.Sprintf("%s IN ('%s') AND ExecutionStatus != 'ContinuedAsNew'", attribute, strings.Join(batch, "', '"))
		err := r.listWorkflows(ctx, query, 2*idsPerQuery, func(execution *workflowpb.WorkflowExecutionInfo) error {
			found(execution)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// caseIDOf returns the caseId from the search attributes; empty if there is none.
func caseIDOf(execution *workflowpb.WorkflowExecutionInfo) (caseID string) {
	payload, found := execution.GetSearchAttributes().GetIndexedFields()[workflows.SearchAttributeCaseID]
	if !found || converter.GetDefaultDataConverter().FromPayload(payload, &caseID) != nil {
		return ""
	}
	return caseID
}

// replayLane replays the deliveries of a lane that are unmatched now; another relay may have replayed some since the pass began. It replays
// the oldest first, so that the lane keeps its order.
func (r *Relay) replayLane(ctx context.Context, lane string) (replayed int, err error) {
	var ids []string
	filter := inbox.Filter{States: []inbox.State{inbox.StateUnmatched}, Lane: lane, Limit: inbox.MaxPage}
	for more := true; more; more = filter.Cursor != "" {
		page, err := r.inbox.List(ctx, filter)
		if err != nil {
			return 0, err
		}
		for _, d := range page.Deliveries {
			ids = append(ids, d.ID)
		}
		filter.Cursor = page.Next
	}
	for _, id := range slices.Backward(ids) {
		err := r.inbox.Replay(ctx, id, r.now())
		switch {
		case err == nil:
			replayed++
		case errors.Is(err, inbox.ErrNotFound), errors.Is(err, inbox.ErrNotReplayable): // the delivery or its body was purged meanwhile
		default:
			return replayed, err
		}
	}
	return replayed, nil
}
