package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
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
