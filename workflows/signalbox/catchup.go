package signalbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CatchUpOptions configure CatchUp.
type CatchUpOptions struct {
	// Since is when the outage began. Deliveries that arrived since then are replayed, and notices that were given up since then are resent.
	// Every open case is read, however old it is.
	Since time.Time
	// By names the person who asked, for the records; at most workflows.MaxShortTextBytes.
	By string
	// DryRun counts what CatchUp would do, and changes nothing.
	DryRun bool
	// CallsPerSecond limits the calls to workflows, but not the lists; 0 means DefaultCallsPerSecond. The account's rate limit paces the reads
	// at Offload that follow.
	CallsPerSecond float64
	// Cursor is the Next of the report before. CatchUp then goes on with the cases; deliveries and notices are done.
	Cursor string
}

// DefaultCallsPerSecond is low enough that a small Temporal server keeps time for its other work.
const DefaultCallsPerSecond = 50

// CatchUpReport counts what CatchUp did, or would do in a dry run. After an error it counts what was done before the error.
type CatchUpReport struct {
	DryRun bool `json:"dryRun,omitempty"`
	// Cases counts the open cases. Those without a caseId, and those that ended in the meantime, are skipped.
	Cases CatchUpCount `json:"cases"`
	// Notices counts the notices that were given up. Those whose data is no longer held are skipped.
	Notices CatchUpCount `json:"notices"`
	// Deliveries counts the replayed deliveries; zero without Options.Deliveries.
	Deliveries ReplayedDeliveries `json:"deliveries"`
	// Failures lists the first failures, at most 100; the counts include all.
	Failures []CatchUpFailure `json:"failures,omitempty"`
	// Next is where the cases go on after an error. Up to MaxPage of the counted cases are counted again then.
	Next string `json:"next,omitempty"`
}

// Empty reports whether CatchUp found nothing, or ended before it did anything.
func (r CatchUpReport) Empty() bool {
	none := CatchUpCount{}
	return r.Cases == none && r.Notices == none && r.Deliveries == (ReplayedDeliveries{}) && len(r.Failures) == 0
}

// CatchUpCount counts one kind of thing.
type CatchUpCount struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped,omitempty"`
	Failed  int `json:"failed,omitempty"`
}

// CatchUpFailure is one failure. What is a workflow ID, or "deliveries".
type CatchUpFailure struct {
	What  string `json:"what"`
	Error string `json:"error"`
}

// ReplayDeliveries chooses the deliveries to hand out again: unmatched and late ones that arrived at or after Since.
type ReplayDeliveries struct {
	Since  time.Time
	By     string
	DryRun bool
}

// ReplayedDeliveries counts deliveries by the state they were in. Skipped ones can no longer be handed out.
type ReplayedDeliveries struct {
	Unmatched int `json:"unmatched,omitempty"`
	Late      int `json:"late,omitempty"`
	Skipped   int `json:"skipped,omitempty"`
}

// maxFailures is how many failures a report names.
const maxFailures = 100

// CatchUp repairs the damage of an outage: it replays deliveries that did not reach a workflow, makes every open case read Offload now,
// and resends notices that were given up. It may be repeated. If it fails for one workflow, it counts the failure and goes on with the
// others. It returns an error for invalid options, when ctx ends or leaves no time for the next call, when Temporal is unavailable, and when a
// list can't be read. The report then counts what was done so far; to continue, pass its Next as Cursor.
func (c *Client) CatchUp(ctx context.Context, options CatchUpOptions) (CatchUpReport, error) {
	report := CatchUpReport{DryRun: options.DryRun}
	if err := (workflows.ReconcileNow{By: options.By}).Validate(); err != nil {
		return report, fmt.Errorf("catch up: %w: %w", ErrInvalid, err)
	}
	if !workflows.SaneTime(options.Since) {
		return report, fmt.Errorf("catch up: %w: since: the year is out of range: use a time from 2000 to 2199", ErrInvalid)
	}
	if options.CallsPerSecond < 0 {
		return report, fmt.Errorf("catch up: %w: callsPerSecond: it is negative: use 0 or more", ErrInvalid)
	}
	perSecond := rate.Limit(cmp.Or(options.CallsPerSecond, DefaultCallsPerSecond))
	run := &catchUp{client: c, options: options, report: &report, pace: rate.NewLimiter(perSecond, 1)}
	parts := []func(context.Context) error{run.deliveries, run.notices, run.cases}
	if options.Cursor != "" {
		parts = parts[2:]
	}
	for _, part := range parts {
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

// deliveries runs first: a replayed event may end a case, which then needs no read.
func (r *catchUp) deliveries(ctx context.Context) error {
	if r.client.deliveries == nil {
		return nil
	}
	done, err := r.client.deliveries.Replay(ctx, ReplayDeliveries{Since: r.options.Since, By: r.options.By, DryRun: r.options.DryRun})
	r.report.Deliveries = done
	if err != nil && ctx.Err() == nil {
		r.fail("deliveries", err)
		return nil // the inbox failed; Temporal may still work
	}
	return err
}

func (r *catchUp) cases(ctx context.Context) error {
	filter := CaseFilter{Open: Open, Limit: MaxPage, Cursor: r.options.Cursor}
	for {
		r.report.Next = filter.Cursor
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
			r.report.Next = ""
			return nil
		}
	}
}

func (r *catchUp) notices(ctx context.Context) error {
	filter := NoticeSourceFilter{Open: Open, GivenUp: true, Limit: MaxPage}
	for {
		page, err := r.client.ListNoticeSources(ctx, filter)
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
	err := r.wait(ctx)
	if err == nil {
		state, err = r.client.notices(ctx, source.Source)
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
			if !slices.Contains(ids, notice.ID) { // a notice is listed once for each of its targets
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

// resendBatch resends notices in one call. The workflow refuses a call as a whole, so after a refusal resendBatch tries each half.
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

// call waits for the rate limit and makes one call. In a dry run it makes none.
func (r *catchUp) call(ctx context.Context, call func() error) error {
	if r.options.DryRun {
		return ctx.Err()
	}
	if err := r.wait(ctx); err != nil {
		return err
	}
	return call()
}

var errOutOfTime = fmt.Errorf("no time is left for the next call: %w", context.DeadlineExceeded)

// wait waits for the rate limit. It fails with errOutOfTime, before ctx ends, if the next call would be after the deadline of ctx.
func (r *catchUp) wait(ctx context.Context) error {
	if err := r.pace.Wait(ctx); err != nil && ctx.Err() == nil {
		return errOutOfTime
	}
	return ctx.Err() //nolint:wrapcheck // CatchUp names itself
}

// count adds the result of one call to the counts. It returns an error if CatchUp must stop.
func (r *catchUp) count(ctx context.Context, counts *CatchUpCount, n int, what string, err error) error {
	switch {
	case err == nil:
		counts.Done += n
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // CatchUp names itself
	case errors.Is(err, errOutOfTime):
		return err
	case errors.Is(err, ErrUnavailable) && !concernsOneWorkflow(err):
		return err
	case errors.Is(err, ErrEnded), errors.Is(err, ErrNotFound), errors.As(err, new(brokenError)): // it closed after it was listed
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
