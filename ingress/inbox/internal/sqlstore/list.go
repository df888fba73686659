package sqlstore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// kind is a row of the kind table, which has one for each combination that deliveries have: about as many as agents times kinds of events.
type kind struct{ provider, scope, kind string }

// maxParts is below the number of parts that SQLite takes in one query (500). With more kinds a list reads all deliveries.
const maxParts = 400

// needsKinds says whether a list needs to know which kinds there are.
func needsKinds(f inbox.Filter) bool {
	return f.Lane == "" && (f.Provider != "" || f.Scope != "" || f.Kind != "")
}

// listQuery is the query of one page and its arguments; it reads one delivery more than the page, to know whether there are more. An empty query
// means that nothing matches. The query is a union of parts. Each reads at most one page in index order, so a page takes as long with a million
// rows as with a thousand. Only the parts of a lane, and of what is pending in lanes, read and sort all their rows for each page.
func listQuery(f inbox.Filter, kinds []kind) (query string, args []any) {
	l := &list{Filter: f}
	states := f.States
	if len(states) == 0 {
		states = inbox.States()
	}
	states = slices.Compact(slices.Sorted(slices.Values(states)))
	_, delivered := slices.BinarySearch(states, inbox.StateDelivered)
	switch {
	case f.Lane != "":
		l.args = append(l.args, laneKey(f.Lane), f.Lane)
		l.add("@delivery_unique WHERE lane_key = ? AND lane = ?", sorted, states)
	case !delivered:
		for _, state := range states {
			if state == inbox.StatePending {
				l.add("@delivery_arrived WHERE state = 'pending' AND in_lane = 0", ordered, nil)
				l.add("@delivery_in_lane WHERE state = 'pending' AND in_lane = 1", sorted, nil)
				continue
			}
			l.args = append(l.args, string(state))
			l.add("@delivery_open WHERE state NOT IN ('pending', 'delivered') AND state = ?", ordered, nil)
		}
	case needsKinds(f):
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool {
			return f.Provider != "" && f.Provider != k.provider || f.Scope != "" && f.Scope != k.scope || f.Kind != "" && f.Kind != k.kind
		})
		if len(kinds) > maxParts {
			l.add("WHERE true", ordered, states)
			break
		}
		for _, k := range kinds {
			l.args = append(l.args, k.provider, k.scope, k.kind)
			l.add("@delivery_kind WHERE provider = ? AND scope = ? AND kind = ?", ordered, states)
		}
	default:
		l.add("WHERE true", ordered, states)
	}
	if len(l.parts) == 0 {
		return "", nil
	}
	return "SELECT " + columns + " FROM (" + strings.Join(l.parts, " UNION ALL ") + " ORDER BY id DESC LIMIT ?) AS page JOIN inbox_delivery AS d ON d.id = page.id ORDER BY d.id DESC",
		append(l.args, l.PageSize()+1)
}

// How a part names the ID. With ordered, its index gives the order. With sorted, an expression, the rows are sorted after they are read:
// otherwise the database would walk the index of IDs through all other rows.
const (
	ordered = "id"
	sorted  = "(id || '')"
)

// list gathers the parts of a query; args are in the order of the text.
type list struct {
	inbox.Filter
	parts []string
	args  []any
}

func (l *list) add(from, id string, states []inbox.State) {
	var b strings.Builder
	and := func(condition string, value any) {
		fmt.Fprintf(&b, " AND %s ?", condition)
		l.args = append(l.args, value)
	}
	b.WriteString("SELECT id FROM (SELECT id FROM inbox_delivery " + from)
	if l.Cursor != "" {
		and(id+" <", l.Cursor)
	}
	if !l.Since.IsZero() {
		and(id+" >=", inbox.FirstID(l.Since))
	}
	if !l.Until.IsZero() {
		and(id+" <", inbox.FirstID(l.Until))
	}
	if len(states) > 0 && len(states) < len(inbox.States()) {
		b.WriteString(" AND state IN (?" + strings.Repeat(", ?", len(states)-1) + ")")
		for _, state := range states {
			l.args = append(l.args, string(state))
		}
	}
	for _, equal := range []struct{ column, value string }{{"provider", l.Provider}, {"scope", l.Scope}, {"kind", l.Kind}} {
		if equal.value != "" {
			and(equal.column+" =", equal.value)
		}
	}
	b.WriteString(" ORDER BY " + id + " DESC LIMIT ?) AS part")
	l.args = append(l.args, l.PageSize()+1)
	l.parts = append(l.parts, b.String())
}
