package signalbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/time/rate"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CatchUpOptions say how to catch up after an outage.
type CatchUpOptions struct {
	// Since is when the outage began: deliveries that arrived since then are replayed, notices that were given up since then are resent. Every
	// open case is read, whenever it started.
	Since time.Time
	// By is who asked, for the records; at most workflows.MaxShortTextBytes.
	By string
	// DryRun counts what would be done, and changes nothing.
	DryRun bool
	// CallsPerSecond bounds the calls to Temporal; 0 is DefaultCallsPerSecond. The reads at Offload that follow are paced by their account's
	// rate.
	CallsPerSecond float64
}

// DefaultCallsPerSecond leaves a small Temporal server room for its other work.
const DefaultCallsPerSecond = 50

// CatchUpReport says what was done, or would be in a dry run, also where it was broken off.
type CatchUpReport struct {
	DryRun bool `json:"dryRun,omitempty"`
	// Cases are open cases that are read now. Those that have no caseId yet, or that ended meanwhile, are skipped.
	Cases CatchUpCount `json:"cases"`
	// Notices are those that were given up. Those whose data is not held any more are skipped.
	Notices CatchUpCount `json:"notices"`
	// Deliveries are those that did not arrive; zero without Options.Deliveries.
	Deliveries ReplayedDeliveries `json:"deliveries"`
	// Failures are the first failures; the counts have all.
	Failures []CatchUpFailure `json:"failures,omitempty"`
}

// CatchUpCount counts one kind of thing.
type CatchUpCount struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped,omitempty"`
	Failed  int `json:"failed,omitempty"`
}

// CatchUpFailure is one thing that failed. What is a workflow ID, or "deliveries".
type CatchUpFailure struct {
	What  string `json:"what"`
	Error string `json:"error"`
}

// ReplayDeliveries says which deliveries to hand out again: unmatched and late ones that arrived since a time.
type ReplayDeliveries struct {
	Since  time.Time
	By     string
	DryRun bool
}

// ReplayedDeliveries counts deliveries by the state that they were in. Skipped ones can't be handed out any more.
type ReplayedDeliveries struct {
	Unmatched int `json:"unmatched,omitempty"`
	Late      int `json:"late,omitempty"`
	Skipped   int `json:"skipped,omitempty"`
}

// maxFailures is how many failures a report names.
const maxFailures = 100

// CatchUp repairs what an outage of any side has left behind: it replays deliveries that did not arrive, lets every open case be read now, and
// sends notices again that were given up. All of it may be repeated. What fails for one workflow is counted, and the rest goes on. The error says
// why it was broken off: ctx has ended, or Temporal is away. The report has what was done until then.
func (c *Client) CatchUp(ctx context.Context, options CatchUpOptions) (CatchUpReport, error) {
	report := CatchUpReport{DryRun: options.DryRun}
	if err := (workflows.ReconcileNow{By: options.By}).Validate(); err != nil {
		return report, fmt.Errorf("catch up: %w: %w", ErrInvalid, err)
	}
	if options.CallsPerSecond < 0 || !workflows.SaneTime(options.Since) {
		return report, fmt.Errorf("catch up: %w: give a time that it is to begin at, and no calls per second below zero", ErrInvalid)
	}
	if options.CallsPerSecond == 0 {
		options.CallsPerSecond = DefaultCallsPerSecond
	}
	run := &catchUp{client: c, options: options, report: &report, pace: rate.NewLimiter(rate.Limit(options.CallsPerSecond), 1)}
	for _, part := range []func(context.Context) error{run.deliveries, run.notices, run.cases} {
		if err := part(ctx); err != nil {
			return report, fmt.Errorf("catch up: %w", err)
		}
	}
	return report, nil
}

type catchUp struct {
	client  *Client
	options CatchUpOptions
	report  *CatchUpReport
	pace    *rate.Limiter
}

// deliveries come first: what they tell need not be read.
func (r *catchUp) deliveries(ctx context.Context) error {
	if r.client.deliveries == nil {
		return nil
	}
	done, err := r.client.deliveries.Replay(ctx, ReplayDeliveries{Since: r.options.Since, By: r.options.By, DryRun: r.options.DryRun})
	r.report.Deliveries = done
	if err != nil && ctx.Err() == nil {
		r.fail("deliveries", err)
		return nil // Temporal may be there nevertheless
	}
	return err
}

func (r *catchUp) cases(ctx context.Context) error {
	filter := CaseFilter{Open: Open, Limit: MaxPage}
	for {
		page, err := r.client.ListCases(ctx, filter)
		if err != nil {
			return err
		}
		for _, row := range page.Cases {
			if row.CaseID == "" {
				r.report.Cases.Skipped++
				continue
			}
			err := r.call(ctx, func() error { return r.client.Case(row.Reference).ReconcileNow(ctx, r.options.By) })
			if err := r.count(ctx, &r.report.Cases, 1, row.WorkflowID, err); err != nil {
				return err
			}
		}
		if filter.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

func (r *catchUp) notices(ctx context.Context) error {
	filter := NoticeFilter{Open: Open, GivenUp: true, Limit: MaxPage}
	for {
		page, err := r.client.ListNotices(ctx, filter)
		if err != nil {
			return err
		}
		for _, source := range page.Sources {
			if err := r.resend(ctx, source); err != nil {
				return err
			}
		}
		if filter.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

func (r *catchUp) resend(ctx context.Context, source NoticeSource) error {
	var state workflows.NotifyState
	err := r.pace.Wait(ctx)
	if err == nil {
		state, err = r.client.Notices(ctx, source.Source)
	}
	if err != nil {
		return r.count(ctx, &r.report.Notices, 1, source.WorkflowID, err)
	}
	var ids []string
	for _, notice := range state.Notices {
		switch {
		case notice.Status != workflows.NoticeGivenUp || notice.SettledAt.Before(r.options.Since):
		case notice.NoData:
			r.report.Notices.Skipped++
		default:
			if !slices.Contains(ids, notice.ID) { // one that has several targets is listed once for each
				ids = append(ids, notice.ID)
			}
		}
	}
	for batch := range slices.Chunk(ids, workflows.MaxListed) {
		if err := r.resendBatch(ctx, source, batch); err != nil {
			return err
		}
	}
	return nil
}

// resendBatch resends notices together. They are refused together as well, so it tries halves of what is refused.
func (r *catchUp) resendBatch(ctx context.Context, source NoticeSource, ids []string) error {
	err := r.call(ctx, func() error {
		_, err := r.client.ResendNotices(ctx, source.Source, workflows.SelectNotices{IDs: ids, By: r.options.By})
		return err
	})
	if len(ids) > 1 && (errors.Is(err, ErrTooMany) || errors.Is(err, ErrConflict)) {
		half := len(ids) / 2
		if err := r.resendBatch(ctx, source, ids[:half]); err != nil {
			return err
		}
		return r.resendBatch(ctx, source, ids[half:])
	}
	return r.count(ctx, &r.report.Notices, len(ids), source.WorkflowID, err)
}

// call makes one call at the pace; none in a dry run.
func (r *catchUp) call(ctx context.Context, call func() error) error {
	if r.options.DryRun {
		return ctx.Err()
	}
	if err := r.pace.Wait(ctx); err != nil {
		return err //nolint:wrapcheck // it says that the context has ended
	}
	return call()
}

// count counts what a call came to. It fails where there is no use in going on.
func (r *catchUp) count(ctx context.Context, counts *CatchUpCount, n int, what string, err error) error {
	switch {
	case err == nil:
		counts.Done += n
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // CatchUp names itself
	case errors.Is(err, ErrUnavailable) && !errors.As(err, new(*serviceerror.WorkflowNotReady)): // that one is of this workflow alone
		return err
	case errors.Is(err, ErrEnded), errors.Is(err, ErrNotFound):
		counts.Skipped += n
	default:
		counts.Failed += n
		r.fail(what, err)
	}
	return nil
}

func (r *catchUp) fail(what string, err error) {
	if len(r.report.Failures) < maxFailures {
		r.report.Failures = append(r.report.Failures, CatchUpFailure{What: what, Error: err.Error()})
	}
}
