package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// postgresRows compares inboxes in schemas of one database, so that both are on the same server.
func postgresRows(ctx context.Context, o Options, address string, keys *keyring.Ring, numbers *atomic.Int64) (_ []Growth, err error) {
	s := &schemas{address: address, keys: keys}
	// What was filled goes, also after an interruption.
	defer func() { err = errors.Join(err, s.drop(context.WithoutCancel(ctx))) }()
	return tables{keys, numbers, s.filled}.rows(ctx, o)
}

// schemas are those that were made in a database.
type schemas struct {
	address string
	keys    *keyring.Ring
	made    []string
}

// filled starts a subject with an inbox in a schema of that name.
func (s *schemas) filled(ctx context.Context, name string, rows int) (_ *subject, err error) {
	name = "signalbox_bench_" + strings.ReplaceAll(name, "-", "_")
	if err := s.exec(ctx, s.address, "CREATE SCHEMA "+name); err != nil {
		return nil, err
	}
	s.made = append(s.made, name)
	address := within(s.address, name)
	store, err := postgres.Open(ctx, address, postgres.Options{})
	if err != nil {
		return nil, err
	}
	if err := fillDelivered(ctx, store, rows); err != nil {
		return nil, errors.Join(fmt.Errorf("fill %s: %w", name, err), store.Close())
	}
	// The server does this by itself after as many changes, though not at once: measured is what a table is like between two of them.
	if err := s.exec(ctx, address, "VACUUM (ANALYZE) inbox_delivery, inbox_body, inbox_lane, inbox_kind"); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return serveSubject(store, s.keys)
}

// drop removes the schemas with all that is in them.
func (s *schemas) drop(ctx context.Context) error {
	var errs []error
	for _, name := range s.made {
		errs = append(errs, s.exec(ctx, s.address, "DROP SCHEMA "+name+" CASCADE"))
	}
	return errors.Join(errs...)
}

func (s *schemas) exec(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", postgres.Redact(address), err)
	}
	_, err = conn.Exec(ctx, statement)
	if err := errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// within is the address of a schema, whatever other one the address names: the last counts.
func within(address, schema string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "search_path=" + schema
}
