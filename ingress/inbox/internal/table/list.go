package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Kind is a row of the kind table: one for each combination that deliveries have. There are about as many as agents times
// kinds of events.
type Kind struct{ Provider, Scope, Kind string }

// Dialect is where the stores' SQL differs in a list.
type Dialect struct {
	// Table is the name of the delivery table, Columns are those of an alias d.
	Table, Columns string
	// Placeholder spells the n-th argument, counted from 1.
	Placeholder func(n int) string
	// Index asks the planner for an index, where the dialect can.
	Index func(name string) string
	// Text is how the table holds a text.
	Text func(string) string
}

// maxParts is below the number of parts that SQLite takes in one query (500). With more kinds a list reads all deliveries.
const maxParts = 400

// NeedsKinds says whether List needs to know which kinds there are.
func NeedsKinds(f inbox.Filter) bool {
	return f.Lane == "" && (f.Provider != "" || f.Scope != "" || f.Kind != "")
}

// List is the query of one page and its arguments; it finds one delivery more than the page holds where there are more. An
// empty query finds nothing. The answer is made of parts, each in the order of an index, of which no more is read than the page
// holds: a page takes as long in a table of a million rows as in one of a thousand.
func (d Dialect) List(f inbox.Filter, kinds []Kind) (query string, args []any) {
	l := &list{Dialect: d, Filter: f}
	states := f.States
	if len(states) == 0 {
		states = inbox.States()
	}
	states = slices.Compact(slices.Sorted(slices.Values(states)))
	_, delivered := slices.BinarySearch(states, inbox.StateDelivered)
	switch {
	case f.Lane != "":
		first, last := laneRange(f.Lane)
		l.sorted("delivery_unique", fmt.Sprintf("unique_key BETWEEN %s AND %s AND lane = %s", l.arg(first), l.arg(last), l.arg(d.Text(f.Lane))), states)
	case !delivered:
		for _, state := range states {
			if state == inbox.StatePending {
				// Pending deliveries are in the order of their lanes.
				l.sorted("delivery_pending", "state = 'pending'", nil)
				continue
			}
			l.ordered("delivery_open", "state NOT IN ('pending', 'delivered') AND state = "+l.arg(string(state)), nil)
		}
	case NeedsKinds(f):
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k Kind) bool {
			return f.Provider != "" && f.Provider != k.Provider || f.Scope != "" && f.Scope != k.Scope || f.Kind != "" && f.Kind != k.Kind
		})
		if len(kinds) > maxParts {
			l.ordered("", "true", states)
			break
		}
		for _, k := range kinds {
			l.ordered("delivery_kind", fmt.Sprintf("provider = %s AND scope = %s AND kind = %s", l.arg(d.Text(k.Provider)), l.arg(d.Text(k.Scope)), l.arg(d.Text(k.Kind))), states)
		}
	default:
		l.ordered("", "true", states)
	}
	if len(l.parts) == 0 {
		return "", nil
	}
	return fmt.Sprintf("SELECT %s FROM (%s ORDER BY id DESC LIMIT %s) AS page JOIN %s AS d ON d.id = page.id ORDER BY d.id DESC",
		d.Columns, strings.Join(l.parts, " UNION ALL "), l.limit(), d.Table), l.args
}

// list gathers the parts of a query.
type list struct {
	Dialect
	inbox.Filter
	parts []string
	args  []any
	most  string
}

func (l *list) arg(value any) string {
	l.args = append(l.args, value)
	return l.Placeholder(len(l.args))
}

func (l *list) limit() string {
	if l.most == "" {
		l.most = l.arg(l.PageSize() + 1)
	}
	return l.most
}

// ordered adds a part that an index gives in the order of the list.
func (l *list) ordered(index, where string, states []inbox.State) { l.add(index, where, states, "id") }

// sorted adds a part that is sorted after it was read: an index that gives the order would be walked through all other rows.
func (l *list) sorted(index, where string, states []inbox.State) {
	l.add(index, where, states, "(id || '')")
}

func (l *list) add(index, where string, states []inbox.State, id string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT id FROM (SELECT id FROM %s %s WHERE %s", l.Table, l.Index(index), where)
	for _, bound := range []struct{ compare, id string }{{"<", l.Cursor}, {">=", since(l.Filter)}, {"<", until(l.Filter)}} {
		if bound.id != "" {
			fmt.Fprintf(&b, " AND %s %s %s", id, bound.compare, l.arg(bound.id))
		}
	}
	if len(states) > 0 && len(states) < len(inbox.States()) {
		texts := make([]string, len(states))
		for i, state := range states {
			texts[i] = l.arg(string(state))
		}
		fmt.Fprintf(&b, " AND state IN (%s)", strings.Join(texts, ", "))
	}
	if index != "delivery_kind" {
		for _, equal := range []struct{ column, value string }{{"provider", l.Provider}, {"scope", l.Scope}, {"kind", l.Kind}} {
			if equal.value != "" {
				fmt.Fprintf(&b, " AND %s = %s", equal.column, l.arg(l.Text(equal.value)))
			}
		}
	}
	fmt.Fprintf(&b, " ORDER BY %s DESC LIMIT %s) AS part", id, l.limit())
	l.parts = append(l.parts, b.String())
}

func since(f inbox.Filter) string {
	if f.Since.IsZero() {
		return ""
	}
	return inbox.FirstID(f.Since)
}

func until(f inbox.Filter) string {
	if f.Until.IsZero() {
		return ""
	}
	return inbox.FirstID(f.Until)
}
