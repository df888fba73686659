package signalbox

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/workflows"
)

// MaxPage is the largest size of a page, in rows; DefaultPage is the size if no limit is set.
const (
	MaxPage     = 200
	DefaultPage = 50
)

func pageSize(limit int) (int, error) {
	switch {
	case limit < 0 || limit > MaxPage:
		return 0, fmt.Errorf("%w: limit: %d: use 1 to %d, or leave it out for %d", ErrInvalid, limit, MaxPage, DefaultPage)
	case limit == 0:
		return DefaultPage, nil
	}
	return limit, nil
}

// cursor is the position in a list after a page. It is valid only with the filter of that page.
//
// Temporal lists open workflows before closed ones. So a workflow that closes or continues as new between two pages moves in Temporal's
// list, and a page could repeat or miss it. The list here is fixed when its first page is read, at Until: first the workflows that were
// open then, by start; then those that were closed, by end.
type cursor struct {
	// Filter is the hash of the filter.
	Filter string `json:"f"`
	// Until is the newest start or end when the list began, by the clock of Temporal.
	Until time.Time `json:"u"`
	// Closed means that the list has reached the closed workflows.
	Closed bool `json:"c,omitempty"`
	// At and RunID belong to the last row: At is its start, or its end among the closed workflows. The cursor has no page
	// token of Temporal: if a caller changed it, the SDK would repeat the call until its deadline.
	At    time.Time `json:"a,omitzero"`
	RunID string    `json:"r,omitempty"`
}

// sane reports whether the cursor's times are possible.
func (c cursor) sane() bool {
	return workflows.SaneTime(c.Until) && (c.RunID == "" || workflows.SaneTime(c.At))
}

// visibilityLag is how far Temporal's visibility may lag. A workflow that closed less than this before Until counts as open, because
// visibility may still have shown it as open.
const visibilityLag = 10 * time.Second

// closedBefore is the end time that separates the open from the closed part of a list.
func (c cursor) closedBefore() time.Time { return c.Until.Add(-visibilityLag) }

// sortTime is the start of an open workflow, or the end of a closed one.
func (c cursor) sortTime(e execution) time.Time {
	if c.Closed {
		return e.ClosedAt
	}
	return e.StartedAt
}

// listed reports whether an earlier page has this execution of the part.
func (c cursor) listed(e execution) bool {
	switch at := c.sortTime(e); {
	case c.RunID == "":
		return false
	case at.Equal(c.At):
		return e.RunID <= c.RunID
	default:
		return at.After(c.At)
	}
}

// upTo is the latest sortTime of an execution after the cursor; until is that of the whole part.
func (c cursor) upTo(until time.Time) time.Time {
	if c.RunID != "" {
		return c.At
	}
	return until
}

// wasOpen reports whether an execution that has closed belongs to the open part of the list. Of a workflow that continued as new before Until, the
// next run does.
func (c cursor) wasOpen(e execution) bool {
	since := c.closedBefore()
	if e.status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		since = c.Until
	}
	return !e.StartedAt.After(c.Until) && e.ClosedAt.After(since)
}

// cut sorts rows of the part, the newest first, and returns those of one page with the cursor after them. more reports whether rows remain.
func (c cursor) cut(rows []execution, size int) (page []execution, after cursor, more bool) {
	slices.SortFunc(rows, func(a, b execution) int {
		return cmp.Or(c.sortTime(b).Compare(c.sortTime(a)), cmp.Compare(a.RunID, b.RunID))
	})
	if len(rows) <= size {
		return rows, c, false
	}
	if rows = rows[:size]; size > 0 {
		c.At, c.RunID = c.sortTime(rows[size-1]), rows[size-1].RunID
	}
	return rows, c, true
}

// encodeCursor returns a cursor as opaque text for decodeCursor.
func encodeCursor(c any) string {
	raw, _ := json.Marshal(c) // times, texts and bytes always encode
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodeCursor(text string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return errNoCursor
	}
	return nil
}

var (
	errNoCursor    = fmt.Errorf("%w: cursor: it is not the cursor of a list: begin without one", ErrInvalid)
	errOtherCursor = fmt.Errorf("%w: cursor: it belongs to another filter: use the same filter as for the page before, or begin without one", ErrInvalid)
)

// filterHash returns a hash of a filter. It does not cover the page size, which may differ between pages.
func filterHash(filter any) string {
	raw, _ := json.Marshal(filter) // filters have strings and times only
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// OpenFilter selects running or closed workflows.
type OpenFilter string

// The zero value selects both.
const (
	Open   OpenFilter = "open"
	Closed OpenFilter = "closed"
)

func (o OpenFilter) validate() error {
	switch o {
	case "", Open, Closed:
		return nil
	}
	return fmt.Errorf("%w: open: %q: use %q or %q, or leave it out", ErrInvalid, o, Open, Closed)
}

// listing holds the parameters of one page.
type listing struct {
	client *Client
	op     string
	where  conditions
	open   OpenFilter
	size   int
}

// page reads the page after the cursor at, which is empty for the first page. next is empty on the last page.
func (l listing) page(ctx context.Context, at, filter string) (rows []execution, next string, err error) {
	var from cursor
	if at != "" {
		if err := decodeCursor(at, &from); err != nil {
			return nil, "", fmt.Errorf("%s: %w", l.op, err)
		}
		if from.Filter != filter {
			return nil, "", fmt.Errorf("%s: %w", l.op, errOtherCursor)
		}
		if !from.sane() {
			return nil, "", fmt.Errorf("%s: %w", l.op, errNoCursor)
		}
	} else {
		from = cursor{Filter: filter, Closed: l.open == Closed}
		if from.Until, err = l.newest(ctx); err != nil || from.Until.IsZero() {
			return nil, "", err
		}
	}
	if !from.Closed {
		rows, err = l.openRows(ctx, from)
		if err != nil {
			return nil, "", err
		}
		page, after, more := from.cut(rows, l.size)
		if rows, err = l.current(ctx, page); err != nil {
			return nil, "", err
		}
		switch {
		case more:
			return rows, encodeCursor(after), nil
		case l.open == Open:
			return rows, "", nil
		}
		from = cursor{Filter: filter, Until: from.Until, Closed: true}
	}
	closed, err := l.closedRows(ctx, from, l.size-len(rows))
	if err != nil {
		return nil, "", err
	}
	page, after, more := from.cut(closed, l.size-len(rows))
	if rows = append(rows, page...); more {
		return rows, encodeCursor(after), nil
	}
	return rows, "", nil
}

// newest returns the time of the newest start or end; zero if the list is empty.
func (l listing) newest(ctx context.Context) (time.Time, error) {
	var newest time.Time
	for _, where := range []conditions{l.where.and("ExecutionStatus = 'Running'"), l.where.and("ExecutionStatus != 'Running'")} {
		first, _, err := l.client.list(ctx, l.op, where, 1, nil)
		if err != nil {
			return newest, err
		}
		for _, e := range first {
			for _, at := range []time.Time{e.StartedAt, e.ClosedAt} {
				if at.After(newest) {
					newest = at
				}
			}
		}
	}
	return newest, nil
}

// timeRounding is more than any database of Temporal rounds a time by.
const timeRounding = time.Millisecond

// openRows returns executions after the cursor that were open when the list began. If more than one page remains, it returns at least one
// more than a page.
func (l listing) openRows(ctx context.Context, from cursor) ([]execution, error) {
	where := l.where.time("StartTime", "<=", from.upTo(from.Until).Add(timeRounding))
	// Running ones are read first: one that closes in the meantime is then among those that closed since.
	rows, oldest, err := l.readPart(ctx, from, where.and("ExecutionStatus = 'Running'"), from.Until, l.size)
	if err != nil {
		return nil, err
	}
	since, err := l.closedSince(ctx, from, where, oldest)
	if err != nil {
		return nil, err
	}
	for _, e := range since {
		if from.wasOpen(e) && !from.listed(e) && !e.StartedAt.Before(oldest) {
			rows[e.RunID] = e
		}
	}
	return slices.Collect(maps.Values(rows)), nil
}

// readPart reads executions after the cursor with a sortTime up to until, the newest first. It ends when it has more than size, of which at least
// size are newer than the oldest: others may have the same time as the oldest, and not be read yet. oldest is that time; zero if all are read.
// rows are by run ID.
func (l listing) readPart(ctx context.Context, from cursor, where conditions, until time.Time, size int) (rows map[string]execution, oldest time.Time, err error) {
	rows = map[string]execution{}
	var token []byte
	newer := 0 // how many rows are newer than the oldest
	for {
		page, next, err := l.client.list(ctx, l.op, where, size+1, token)
		if err != nil {
			return nil, time.Time{}, err
		}
		for _, e := range page {
			at := from.sortTime(e)
			if at.After(until) || from.listed(e) {
				continue
			}
			if at.Before(oldest) {
				newer = len(rows)
			}
			rows[e.RunID], oldest = e, at
		}
		if token = next; len(token) == 0 {
			return rows, time.Time{}, nil
		}
		if newer >= size && len(rows) > size {
			return rows, oldest, nil
		}
	}
}

// closedSince returns executions that closed after the list began, or shortly before, and did not start before oldest.
func (l listing) closedSince(ctx context.Context, from cursor, where conditions, oldest time.Time) ([]execution, error) {
	closed := where.and("ExecutionStatus != 'Running'").time("CloseTime", ">=", from.closedBefore().Add(-timeRounding))
	if l.open == Open {
		closed = where.and("ExecutionStatus = 'ContinuedAsNew'").time("CloseTime", ">=", from.Until.Add(-timeRounding))
	}
	if !oldest.IsZero() {
		closed = closed.time("StartTime", ">=", oldest.Add(-timeRounding))
	}
	since, more, err := l.client.listAll(ctx, l.op, closed, maxClosedSince)
	if more {
		return nil, fmt.Errorf("%s: %w: cursor: more than %d workflows have closed since the list began: begin without one", l.op, ErrInvalid, maxClosedSince)
	}
	return since, err
}

// maxClosedSince limits how many executions that closed since the list began are read for one page. If there are more, the cursor is too
// old.
const maxClosedSince = 20_000

// current replaces each run that has continued as new since the list began with the workflow's current run.
func (l listing) current(ctx context.Context, rows []execution) ([]execution, error) {
	kept := rows[:0]
	for _, e := range rows {
		if e.status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			next, err := l.currentRun(ctx, e)
			if err != nil {
				return nil, err
			}
			if next == nil || l.open == Open && next.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				continue
			}
			e = *next
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// currentRun returns the current run of a workflow that has continued as new; nil if it no longer matches the filter.
func (l listing) currentRun(ctx context.Context, before execution) (*execution, error) {
	if run, err := l.listedRun(ctx, before); run != nil || err != nil {
		return run, err
	}
	// Visibility may lag behind: it may show the end of a run before it shows the next run.
	described, err := l.client.temporal.DescribeWorkflowExecution(ctx, before.WorkflowID, "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return nil, nil
	}
	if err != nil {
		return nil, translate(ctx, l.op, err)
	}
	current := executionOf(described.GetWorkflowExecutionInfo())
	where, err := (conditions{}).in("run ID", "RunId", current.RunID)
	if err != nil {
		return nil, err
	}
	switch runs, _, err := l.client.list(ctx, l.op, where, 1, nil); {
	case err != nil:
		return nil, err
	case len(runs) > 0: // it does not match, or visibility has caught up only now
		return l.listedRun(ctx, before)
	}
	return &current, nil
}

// listedRun returns the current run if visibility shows it and it matches the filter, else nil.
func (l listing) listedRun(ctx context.Context, before execution) (*execution, error) {
	where, err := l.where.in("workflow ID", "WorkflowId", before.WorkflowID)
	if err != nil {
		return nil, err
	}
	// Temporal lists a running one first, then the one that closed last.
	runs, _, err := l.client.list(ctx, l.op, where, 1, nil)
	if err != nil || len(runs) == 0 || runs[0].RunID == before.RunID {
		return nil, err
	}
	return &runs[0], nil
}

// closedRows returns executions after the cursor that were closed when the list began. If more than one page remains, it returns at least
// one more than a page.
func (l listing) closedRows(ctx context.Context, from cursor, size int) ([]execution, error) {
	before := from.closedBefore()
	if l.open == Closed {
		before = from.Until
	}
	where := l.where.and("ExecutionStatus != 'Running'").and("ExecutionStatus != 'ContinuedAsNew'").time("CloseTime", "<=", from.upTo(before).Add(timeRounding))
	rows, _, err := l.readPart(ctx, from, where, before, size)
	return slices.Collect(maps.Values(rows)), err
}
