package postgres

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// listQuery is one question for a page. Each of its parts reads sequences from one index, newest first and no more than the page shows; only
// what is left of them when they are merged is read whole.
//
// Each part is spelt so that no index but the right one is found by its conditions or gives its order: what it reads must not depend on what the
// server's statistics say of the table.
func listQuery(filter inbox.Filter, limit int) (string, []any, error) {
	q := &question{Filter: filter}
	if err := q.bound(limit); err != nil {
		return "", nil, err
	}
	var with string
	var parts []string
	switch {
	case q.Lane != "":
		parts = []string{q.ofLane()}
	case q.Provider != "" || q.Scope != "" || q.Kind != "":
		with, parts = q.groups(), []string{q.ofGroups()}
	case len(q.States) > 0:
		parts = q.ofStates()
	default:
		parts = []string{q.ofAll()}
	}
	if q.Lane == "" && !q.Until.IsZero() {
		parts = append(parts, q.drifted())
	}
	return with + `SELECT ` + columns + ` FROM (SELECT part.sequence FROM (` + strings.Join(parts, " UNION ALL ") + `) AS part
ORDER BY part.sequence DESC LIMIT ` + q.most + `) AS page JOIN signalbox_delivery d ON d.sequence = page.sequence ORDER BY d.sequence DESC`, q.args, nil
}

// question is a filter on its way into SQL.
type question struct {
	inbox.Filter
	args []any
	// from and to are the parameters between which sequences are looked for; most is how many are shown.
	from, to, most string
	// before is where the page begins.
	before int64
}

func (q *question) arg(value any) string {
	q.args = append(q.args, value)
	return fmt.Sprintf("$%d", len(q.args))
}

// drift is what the index of the drifted takes for far behind, in microseconds.
const drift = 2_000_000

// bound makes bounds in the order of the bounds in time. A sequence is never less than the arrival, and more by drift only where it is drifted.
func (q *question) bound(limit int) error {
	q.before = math.MaxInt64
	if q.Cursor != "" {
		after, err := inbox.ParseCursor(q.Cursor)
		if err != nil {
			return err
		}
		q.before = after
	}
	to := q.before
	if q.Lane == "" && !q.Until.IsZero() {
		to = min(to, cell.Micros(q.Until)+drift)
	}
	q.from, q.to, q.most = q.arg(cell.Micros(q.Since)), q.arg(to), q.arg(limit)
	return nil
}

// times are the conditions on the arrival, as the index of the drifted has it: no other is found by them.
func (q *question) times() (s string) {
	if !q.Since.IsZero() {
		s += " AND d.received_at + 0 >= " + q.arg(cell.Micros(q.Since))
	}
	if !q.Until.IsZero() {
		s += " AND d.received_at + 0 < " + q.arg(cell.Micros(q.Until))
	}
	return s
}

// of are the conditions on whose a delivery is and what became of it, for rows or groups of a name.
func (q *question) of(name string) (s string) {
	for _, equal := range []struct{ column, value string }{{"provider", q.Provider}, {"scope", q.Scope}, {"kind", q.Kind}} {
		if equal.value != "" {
			s += fmt.Sprintf(" AND %s.%s = %s", name, equal.column, q.arg(escape(equal.value)))
		}
	}
	if len(q.States) > 0 {
		s += fmt.Sprintf(" AND %s.state = ANY(%s)", name, q.arg(column(q.States, func(state inbox.State) string { return string(state) })))
	}
	return s
}

func (q *question) ofAll() string {
	return fmt.Sprintf(`(SELECT d.sequence FROM signalbox_delivery d WHERE d.sequence >= %s AND d.sequence < %s%s ORDER BY d.sequence DESC LIMIT %s)`,
		q.from, q.to, q.times(), q.most)
}

// ofStates has a part for each state.
func (q *question) ofStates() (parts []string) {
	times := q.times()
	for _, state := range slices.Compact(slices.Sorted(slices.Values(q.States))) {
		parts = append(parts, fmt.Sprintf(`(SELECT d.sequence FROM signalbox_delivery d WHERE `+inState+`%s AND %s%s ORDER BY `+inOrder+` DESC LIMIT %s)`,
			q.arg(string(state)), q.within(), times, q.most))
	}
	return parts
}

// within are the bounds as the indexes of states and groups have them.
func (q *question) within() string {
	return fmt.Sprintf(inOrder+` >= %s AND `+inOrder+` < %s`, q.from, q.to)
}

// ofLane reads whatever the lane has had: its keys are together, and in no order.
func (q *question) ofLane() string {
	return fmt.Sprintf(`(SELECT d.sequence FROM (SELECT * FROM signalbox_delivery WHERE lane_key = %s OFFSET 0) AS d
WHERE d.sequence >= %s AND d.sequence < %s%s%s ORDER BY d.sequence DESC LIMIT %s)`, q.arg(laneKey(q.Lane)), q.from, q.to, q.of("d"), q.times(), q.most)
}

// groups finds those that there are, each by one look-up behind the one before it. There are about as many as agents times kinds times states. They end
// with those of the filter's provider and agent, once one of another is found: the server would begin at the first of all within a condition.
func (q *question) groups() string {
	first, end := `'', ''`, ""
	if q.Provider != "" {
		provider := q.arg(escape(q.Provider))
		first, end = provider+", ''", ` WHERE g.provider = `+provider
		if q.Scope != "" {
			scope := q.arg(escape(q.Scope))
			first, end = provider+", "+scope, end+` AND g.scope = `+scope
		}
	}
	next := func(after string) string {
		return `(SELECT d.provider, d.scope, d.state, d.kind FROM signalbox_delivery d WHERE (d.provider, d.scope, d.state, d.kind) ` + after + `
ORDER BY d.provider, d.scope, d.state, d.kind LIMIT 1) AS g` + end
	}
	return `WITH RECURSIVE class AS (SELECT * FROM ` + next(`>= (`+first+`, '', '')`) + ` UNION ALL
SELECT g.* FROM class c CROSS JOIN LATERAL ` + next(`> (c.provider, c.scope, c.state, c.kind)`) + `)
`
}

// ofGroups is one part of many, one for each group.
func (q *question) ofGroups() string {
	return fmt.Sprintf(`(SELECT newest.sequence FROM class c CROSS JOIN LATERAL (SELECT d.sequence FROM signalbox_delivery d
WHERE d.provider = c.provider AND d.scope = c.scope AND d.state = c.state AND d.kind = c.kind AND %s%s ORDER BY `+inOrder+` DESC LIMIT %s) AS newest WHERE true%s)`,
		q.within(), q.times(), q.most, q.of("c"))
}

// drifted are those beyond the bounds. There are few.
func (q *question) drifted() string {
	return fmt.Sprintf(`(SELECT d.sequence FROM (SELECT * FROM signalbox_delivery d WHERE d.sequence > d.received_at + 2000000%s OFFSET 0) AS d
WHERE d.sequence >= %s AND d.sequence < %s%s ORDER BY d.sequence DESC LIMIT %s)`, q.times(), q.arg(cell.Micros(q.Until)+drift), q.arg(q.before), q.of("d"), q.most)
}
