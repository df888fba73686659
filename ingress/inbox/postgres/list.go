package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// List implements inbox.Store.
func (s *Store) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	page, err := s.list(ctx, filter)
	if err != nil {
		return inbox.Page{}, wrap("list", s.failure(ctx, err))
	}
	return page, nil
}

func (s *Store) list(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	if err := filter.Validate(); err != nil {
		return inbox.Page{}, err
	}
	limit := filter.PageSize()
	query, args, err := listQuery(filter, limit+1)
	if err != nil {
		return inbox.Page{}, err
	}
	rows, err := s.reads.Query(ctx, query, args...)
	if err != nil {
		return inbox.Page{}, err
	}
	var all []stored
	if err := each(rows, func(one pgx.Row) error {
		d, err := scan(one)
		all = append(all, d)
		return err
	}); err != nil {
		return inbox.Page{}, err
	}
	return pageOf(all, limit), nil
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

// listQuery asks for each state by itself, so that an index gives every part newest first and only parts are merged.
func listQuery(filter inbox.Filter, limit int) (string, []any, error) {
	c := &conditions{}
	if err := c.add(filter); err != nil {
		return "", nil, err
	}
	most := c.arg(limit)
	if len(filter.States) == 0 {
		return fmt.Sprintf("SELECT %s FROM signalbox_delivery d%s ORDER BY d.sequence DESC LIMIT %s", columns, c.where(), most), c.args, nil
	}
	var parts []string
	states := slices.Compact(slices.Sorted(slices.Values(filter.States)))
	for _, state := range states {
		name := c.arg(string(state))
		part := *c
		part.all = append([]string{fmt.Sprintf(inState, name)}, c.all...)
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM signalbox_delivery d%s ORDER BY %s LIMIT %s)", columns, part.where(), byState, most))
	}
	return fmt.Sprintf("SELECT * FROM (%s) AS d ORDER BY d.sequence DESC LIMIT %s", strings.Join(parts, " UNION ALL "), most), c.args, nil
}

// conditions is a filter as SQL.
type conditions struct {
	all  []string
	args []any
}

func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) where() string {
	if len(c.all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.all, " AND ")
}

func (c *conditions) add(f inbox.Filter) error {
	compare := func(left string, value any) { c.all = append(c.all, left+" "+c.arg(value)) }
	if f.Lane != "" {
		compare("d.lane_key =", laneKey(f.Lane))
	}
	for _, equal := range []struct{ column, value string }{{"provider", f.Provider}, {"scope", f.Scope}, {"kind", f.Kind}} {
		if equal.value != "" {
			compare("d."+equal.column+" =", escape(equal.value))
		}
	}
	if !f.Since.IsZero() {
		compare("d.received_at >=", cell.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		compare("d.received_at <", cell.Micros(f.Until))
	}
	if f.Cursor != "" {
		after, err := inbox.ParseCursor(f.Cursor)
		if err != nil {
			return err
		}
		compare("d.sequence <", after)
	}
	return nil
}
