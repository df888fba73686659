package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// List implements inbox.Store.
func (s *Store) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	var recent []int64
	if filter.Lane != "" {
		// Before the table is looked at: what goes into it in between is named twice, and not missed.
		recent = s.writes.keys.ofLane(laneHash(filter.Lane))
	}
	page, err := s.reads.list(ctx, filter, recent)
	if err != nil {
		return inbox.Page{}, fmt.Errorf("sqlite inbox: list: %w", s.reads.failure(ctx, err))
	}
	return page, nil
}

// part is a piece of the answer that one index gives in order, so that no question reads more rows
// than it shows, nor sorts what it does not show.
type part struct {
	from  string
	where []string
	args  []any
}

func (p *part) add(condition string, values ...any) {
	p.where, p.args = append(p.where, condition), append(p.args, values...)
}

// query asks for what comes before a floor; it is the same text for all parts of a kind.
func (p *part) query() string {
	return "SELECT " + columns + " FROM delivery " + p.from + " WHERE " + strings.Join(p.where, " AND ") +
		" AND sequence > ? ORDER BY sequence DESC LIMIT ?"
}

// list merges the parts, all as of one moment: a delivery that changes its state between two of
// them would be in both or in none. recent are the sequences of the lane's newest keys.
func (r *reader) list(ctx context.Context, filter inbox.Filter, recent []int64) (_ inbox.Page, err error) {
	if err := filter.Validate(); err != nil {
		return inbox.Page{}, err
	}
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return inbox.Page{}, err
	}
	// It has read and nothing else: whether its end succeeds changes no answer.
	defer func() { _ = tx.Rollback() }()
	parts, err := partsOf(ctx, tx, filter, recent)
	if err != nil {
		return inbox.Page{}, err
	}
	n := newest{most: filter.PageSize() + 1}
	prepared := map[string]*sql.Stmt{}
	for _, p := range parts {
		query := p.query()
		stmt, ok := prepared[query]
		if !ok {
			if stmt, err = tx.PrepareContext(ctx, query); err != nil {
				return inbox.Page{}, err
			}
			prepared[query] = stmt
		}
		rows, err := stmt.QueryContext(ctx, append(slices.Clone(p.args), n.floor(), n.most)...)
		if err != nil {
			return inbox.Page{}, err
		}
		found, err := collect(rows, func() (stored, error) { return scan(rows) })
		if err != nil {
			return inbox.Page{}, err
		}
		n.add(found)
	}
	return pageOf(n.all, filter.PageSize()), nil
}

// newest keeps the newest of what is added.
type newest struct {
	most int
	all  []stored
}

func (n *newest) add(more []stored) {
	n.all = append(n.all, more...)
	slices.SortFunc(n.all, func(a, b stored) int { return cmp.Compare(b.sequence, a.sequence) })
	n.all = n.all[:min(n.most, len(n.all))]
}

// floor is a sequence at or below which nothing is of interest any more.
func (n *newest) floor() int64 {
	if len(n.all) < n.most {
		return 0
	}
	return n.all[n.most-1].sequence
}

func pageOf(all []stored, limit int) inbox.Page {
	var page inbox.Page
	if len(all) > limit {
		all = all[:limit]
		page.Next = inbox.Cursor(all[limit-1].sequence)
	}
	for _, d := range all {
		page.Deliveries = append(page.Deliveries, d.Delivery)
	}
	return page
}

// partsOf chooses the index: a lane's keys are together; provider, scope and kind
// choose among the groups that there are; anything else goes by state.
func partsOf(ctx context.Context, tx *sql.Tx, f inbox.Filter, recent []int64) ([]*part, error) {
	states := f.States
	if len(states) == 0 {
		states = inbox.States()
	}
	states = slices.Compact(slices.Sorted(slices.Values(states)))
	if f.Lane != "" {
		list, err := json.Marshal(recent)
		if err != nil {
			return nil, fmt.Errorf("list sequences: %w", err)
		}
		p := &part{from: "NOT INDEXED"}
		p.add("sequence IN (SELECT sequence FROM delivery_key WHERE lane_hash = ? UNION ALL SELECT value FROM json_each(?)) AND lane = ?",
			laneHash(f.Lane), string(list), f.Lane)
		p.addRow(f, states)
		p.add("received_at < ?", before(f))
		return []*part{p}, p.addPlace(f)
	}
	var parts []*part
	if f.Provider != "" || f.Scope != "" || f.Kind != "" {
		classes, err := classesOf(ctx, tx, f, states)
		if err != nil {
			return nil, err
		}
		for _, c := range classes {
			p := &part{from: "INDEXED BY delivery_group"}
			p.add("provider = ? AND scope = ? AND state = ? AND kind = ?", c.provider, c.scope, string(c.state), c.kind)
			parts = append(parts, p)
		}
	} else {
		for _, state := range states {
			p := &part{from: "INDEXED BY delivery_state"}
			p.add("state = ?", string(state))
			parts = append(parts, p)
		}
	}
	return withTimes(parts, f, states)
}

// withTimes bounds each part. The sequence is never below the arrival, and above it by more than
// drift only for the rows of an index of their own: so the bounds in time are bounds in the order.
func withTimes(parts []*part, f inbox.Filter, states []inbox.State) ([]*part, error) {
	for _, p := range parts {
		if !f.Until.IsZero() {
			p.add("sequence < ? AND received_at < ?", cell.Micros(f.Until)+drift, cell.Micros(f.Until))
		}
		if err := p.addPlace(f); err != nil {
			return nil, err
		}
	}
	if f.Until.IsZero() {
		return parts, nil
	}
	p := &part{from: "INDEXED BY delivery_drifted"}
	p.add("sequence > received_at + 2000000 AND received_at < ? AND sequence >= ?", cell.Micros(f.Until), cell.Micros(f.Until)+drift)
	p.addRow(f, states)
	return append(parts, p), p.addPlace(f)
}

// drift is the index's word for far behind, in microseconds.
const drift = 2_000_000

// addRow adds what is compared row by row.
func (p *part) addRow(f inbox.Filter, states []inbox.State) {
	args := make([]any, len(states))
	for i, state := range states {
		args[i] = string(state)
	}
	p.add("+state IN (?"+strings.Repeat(", ?", len(states)-1)+")", args...)
	for _, equal := range []struct{ column, value string }{{"+provider", f.Provider}, {"+scope", f.Scope}, {"+kind", f.Kind}} {
		if equal.value != "" {
			p.add(equal.column+" = ?", equal.value)
		}
	}
}

// addPlace adds where the page begins and how far back it may go.
func (p *part) addPlace(f inbox.Filter) error {
	if !f.Since.IsZero() {
		p.add("sequence >= ? AND received_at >= ?", cell.Micros(f.Since), cell.Micros(f.Since))
	}
	if f.Cursor != "" {
		after, err := inbox.ParseCursor(f.Cursor)
		if err != nil {
			return err
		}
		p.add("sequence < ?", after)
	}
	return nil
}

// before is the filter's upper bound of arrival, or one that nothing reaches.
func before(f inbox.Filter) int64 {
	if f.Until.IsZero() {
		return 1<<63 - 1
	}
	return cell.Micros(f.Until)
}

// class is what the deliveries of a group have in common.
type class struct {
	provider, scope string
	state           inbox.State
	kind            string
}

// selectGroup returns the first group in the index that a condition matches.
func selectGroup(where string) string {
	return "SELECT provider, scope, state, kind FROM delivery INDEXED BY delivery_group WHERE " + where +
		" ORDER BY provider, scope, state, kind LIMIT 1"
}

// nextGroup are asked one after the other until there is an answer. One comparison of all four columns
// would say the same, but SQLite begins at the first entry of the last group then and reads all of it.
var nextGroup = [...]struct {
	query string
	args  func(class) []any
}{
	{selectGroup("provider = ? AND scope = ? AND state = ? AND kind > ?"), func(c class) []any {
		return []any{c.provider, c.scope, string(c.state), c.kind}
	}},
	{selectGroup("provider = ? AND scope = ? AND state > ?"), func(c class) []any { return []any{c.provider, c.scope, string(c.state)} }},
	{selectGroup("provider = ? AND scope > ?"), func(c class) []any { return []any{c.provider, c.scope} }},
	{selectGroup("provider > ?"), func(c class) []any { return []any{c.provider} }},
}

// classesOf returns the groups that the filter matches. There are about as many as agents times kinds
// times states; each costs a few look-ups.
func classesOf(ctx context.Context, tx *sql.Tx, f inbox.Filter, states []inbox.State) ([]class, error) {
	var prepared [len(nextGroup)]*sql.Stmt
	for i, next := range nextGroup {
		stmt, err := tx.PrepareContext(ctx, next.query)
		if err != nil {
			return nil, err
		}
		prepared[i] = stmt
	}
	var classes []class
	for c := (class{}); ; {
		found := false
		for i, next := range nextGroup {
			err := prepared[i].QueryRowContext(ctx, next.args(c)...).Scan(&c.provider, &c.scope, &c.state, &c.kind)
			if found = err == nil; found {
				break
			}
			if !errors.Is(err, sql.ErrNoRows) {
				return nil, err
			}
		}
		if !found {
			return classes, nil
		}
		if (f.Provider == "" || c.provider == f.Provider) && (f.Scope == "" || c.scope == f.Scope) &&
			(f.Kind == "" || c.kind == f.Kind) && slices.Contains(states, c.state) {
			classes = append(classes, c)
		}
	}
}
