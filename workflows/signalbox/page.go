package signalbox

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// MaxPage is the most rows of one page; DefaultPage is the size of a page without a limit.
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

// cursor is where a list goes on. It is given with the filter that it came with.
//
// Temporal lists what is open before what is closed, so a workflow that closes, or continues as new, between two pages moves in its list and
// would be there twice, or not at all. A list here stands still instead: it has the workflows that were there at Until, those that were open
// then by their start, and after them those that were closed, by their end.
type cursor struct {
	// Filter is the hash of the filter.
	Filter string `json:"f"`
	// Until is the newest start or end when the list began, by the clock of Temporal.
	Until time.Time `json:"u"`
	// Closed: all that were open are listed. Token is then Temporal's, for the rest.
	Closed bool   `json:"c,omitempty"`
	Token  []byte `json:"t,omitempty"`
	// Started and RunID are of the last row among those that were open.
	Started time.Time `json:"s,omitzero"`
	RunID   string    `json:"r,omitempty"`
}

// visibilityLag is how far Temporal's lists may be behind: what closed that long before Until may be listed as open still.
const visibilityLag = 10 * time.Second

// closedBefore divides the two parts of a list.
func (c cursor) closedBefore() time.Time { return c.Until.Add(-visibilityLag) }

// listed says whether an execution of the first part stands on an earlier page.
func (c cursor) listed(f found) bool {
	switch {
	case c.RunID == "":
		return false
	case f.StartedAt.Equal(c.Started):
		return f.RunID <= c.RunID
	}
	return f.StartedAt.After(c.Started)
}

// encodeCursor is opaque text that decodeCursor reads.
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
		return fmt.Errorf("%w: cursor: it is none of a list: begin without one", ErrInvalid)
	}
	return nil
}

var errOtherCursor = fmt.Errorf("%w: cursor: it belongs to another filter: give the filter that it came with, or begin without one", ErrInvalid)

// filterHash tells filters apart. The page size may differ between pages.
func filterHash(filter any) string {
	raw, _ := json.Marshal(filter) // filters have texts and times only
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// Openness chooses workflows by whether they are running.
type Openness string

// The zero value means both.
const (
	Open   Openness = "open"
	Closed Openness = "closed"
)

func (o Openness) validate() error {
	switch o {
	case "", Open, Closed:
		return nil
	}
	return fmt.Errorf("%w: open: %q: use %q or %q, or leave it out", ErrInvalid, o, Open, Closed)
}

// listing is one call for a page.
type listing struct {
	client *Client
	op     string
	where  conditions
	open   Openness
	size   int
}

// page reads the page after at, which is empty for the first; next is empty on the last.
func (l listing) page(ctx context.Context, at, filter string) (rows []found, next string, err error) {
	var from cursor
	if at != "" {
		if err := decodeCursor(at, &from); err != nil {
			return nil, "", fmt.Errorf("%s: %w", l.op, err)
		}
		if from.Filter != filter {
			return nil, "", fmt.Errorf("%s: %w", l.op, errOtherCursor)
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
		if len(rows) > l.size {
			rows = rows[:l.size]
			last := rows[l.size-1]
			from.Started, from.RunID = last.StartedAt, last.RunID
			rows, err = l.current(ctx, rows)
			return rows, encodeCursor(from), err
		}
		if rows, err = l.current(ctx, rows); err != nil || l.open == Open {
			return rows, "", err
		}
		from.Closed = true
	}
	closed, more, err := l.closedRows(ctx, &from, l.size-len(rows))
	if err != nil {
		return nil, "", err
	}
	rows = append(rows, closed...)
	if more {
		return rows, encodeCursor(from), nil
	}
	return rows, "", nil
}

// newest is the time of the newest start or end; zero where the list is empty.
func (l listing) newest(ctx context.Context) (time.Time, error) {
	var newest time.Time
	for _, where := range []conditions{l.where.and("ExecutionStatus = 'Running'"), l.where.and("ExecutionStatus != 'Running'")} {
		first, _, err := l.client.list(ctx, l.op, where, 1, nil)
		if err != nil {
			return newest, err
		}
		for _, f := range first {
			for _, at := range []time.Time{f.StartedAt, f.ClosedAt} {
				if at.After(newest) {
					newest = at
				}
			}
		}
	}
	return newest, nil
}

// imprecision is above what a database may round a time by.
const imprecision = time.Millisecond

// openRows are the executions after the cursor that were open when the list began, at least one more than the page has where there are more.
func (l listing) openRows(ctx context.Context, from cursor) ([]found, error) {
	upTo := from.Until
	if from.RunID != "" {
		upTo = from.Started
	}
	where := l.where.time("StartTime", "<=", upTo.Add(imprecision))
	wanted := func(f found) bool { return !f.StartedAt.After(from.Until) && !from.listed(f) }

	// Those that are running come first: one that closes meanwhile is then among the second.
	running := where.and("ExecutionStatus = 'Running'")
	rows := map[string]found{}
	var token []byte
	var oldest time.Time
	for {
		page, next, err := l.client.list(ctx, l.op, running, l.size+1, token)
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			if wanted(f) {
				rows[f.RunID], oldest = f, f.StartedAt
			}
		}
		if token = next; len(token) == 0 {
			oldest = time.Time{} // all that run are known
			break
		}
		if len(rows) > l.size {
			break
		}
	}
	closed := where.and("ExecutionStatus != 'Running'").time("CloseTime", ">=", from.closedBefore().Add(-imprecision))
	if l.open == Open {
		closed = where.and("ExecutionStatus = 'ContinuedAsNew'").time("CloseTime", ">=", from.Until.Add(-imprecision))
	}
	if !oldest.IsZero() {
		closed = closed.time("StartTime", ">=", oldest.Add(-imprecision))
	}
	since, more, err := l.client.listAll(ctx, l.op, closed, maxClosedMeanwhile)
	if err != nil {
		return nil, err
	}
	if more {
		return nil, fmt.Errorf("%s: %w: cursor: more than %d workflows have closed since the list began: begin without one", l.op, ErrInvalid, maxClosedMeanwhile)
	}
	for _, f := range since {
		replaced := f.status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
		if wanted(f) && f.ClosedAt.After(from.closedBefore()) && (!replaced || f.ClosedAt.After(from.Until)) && !f.StartedAt.Before(oldest) {
			rows[f.RunID] = f
		}
	}
	sorted := make([]found, 0, len(rows))
	for _, f := range rows {
		sorted = append(sorted, f)
	}
	slices.SortFunc(sorted, func(a, b found) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(a.RunID, b.RunID))
	})
	return sorted, nil
}

// maxClosedMeanwhile bounds what is read of the executions that closed since a list began, among those that started within one page. With more
// of them the cursor is too old.
const maxClosedMeanwhile = 20_000

// current puts the run that a workflow has now in the place of one that has continued as new since the list began.
func (l listing) current(ctx context.Context, rows []found) ([]found, error) {
	kept := rows[:0]
	for _, f := range rows {
		if f.status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			where, err := l.where.in("workflow ID", "WorkflowId", f.WorkflowID)
			if err != nil {
				return nil, err
			}
			// What is running is listed first, and then what closed last.
			runs, _, err := l.client.list(ctx, l.op, where, 1, nil)
			if err != nil {
				return nil, err
			}
			if len(runs) == 0 || runs[0].RunID == f.RunID {
				continue // it does not match the filter any more
			}
			if f = runs[0]; l.open == Open && f.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				continue
			}
		}
		kept = append(kept, f)
	}
	return kept, nil
}

// closedRows are the executions that were closed when the list began. It moves the cursor on.
func (l listing) closedRows(ctx context.Context, from *cursor, size int) (rows []found, more bool, err error) {
	where := l.where.and("ExecutionStatus != 'Running'").and("ExecutionStatus != 'ContinuedAsNew'")
	before := from.closedBefore()
	if l.open == Closed {
		before = from.Until
	}
	where = where.time("CloseTime", "<=", before.Add(imprecision))
	for {
		if len(rows) == size {
			// Whether anything follows is only known by reading it.
			next, _, err := l.client.list(ctx, l.op, where, 1, from.Token)
			return rows, len(next) > 0, err
		}
		page, next, err := l.client.list(ctx, l.op, where, size-len(rows), from.Token)
		if err != nil {
			return nil, false, err
		}
		for _, f := range page {
			if !f.ClosedAt.After(before) {
				rows = append(rows, f)
			}
		}
		if from.Token = next; len(next) == 0 {
			return rows, false, nil
		}
	}
}
