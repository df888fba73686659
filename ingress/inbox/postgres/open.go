package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
)

const (
	// writers are the connections for what writes: the appends take one, claims, settlements and operators the others. readers are
	// apart, so that lists and scrapes keep nothing waiting. One more listens.
	writers = 6
	readers = 4
	// patience bounds a transaction: what takes longer has lost its server.
	patience = 15 * time.Second
	// connectTimeout bounds the making of a connection where the address does not say otherwise (connect_timeout).
	connectTimeout = 5 * time.Second
	// openTimeout bounds the start, migrations of a large inbox included.
	openTimeout = 10 * time.Minute
)

// Options say how an inbox is opened. The zero value is the default.
type Options struct {
	// Existing opens only what is there: the database is neither given tables nor are they brought up to date.
	Existing bool
	// MaxWaiting is how many appends may wait before others are refused with inbox.ErrBusy
	// (default 8192), MaxWaitingBytes how many bytes of bodies (default 64 MiB).
	MaxWaiting      int
	MaxWaitingBytes int64
}

// Store is an inbox.Store in a PostgreSQL database.
type Store struct {
	// writes and reads are pools of connections; those of reads cannot write.
	writes, reads *pgxpool.Pool
	appends       *group.Committer[*job]
	waking        *waking
	closed        atomic.Bool
	close         func() error
}

var _ inbox.Store = (*Store)(nil)

// Open connects to the database that a URL names, and brings its tables up to date. No error of this package holds the password.
func Open(ctx context.Context, address string, options Options) (_ *Store, err error) {
	s := &Store{}
	s.close = sync.OnceValue(s.closeAll)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("postgres inbox: open %s: %w", Redact(address), err), s.close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if s.writes, err = connect(ctx, address, writers, "off"); err != nil {
		return nil, err
	}
	if options.Existing {
		err = checkMigrated(ctx, s.writes)
	} else {
		err = migrate(ctx, s.writes)
	}
	if err != nil {
		return nil, err
	}
	if s.reads, err = connect(ctx, address, readers, "on"); err != nil {
		return nil, err
	}
	if s.waking, err = newWaking(s.writes); err != nil {
		return nil, err
	}
	s.appends = group.New(limits(options), s.commit)
	return s, nil
}

// CanMake says why an inbox could not be made in a database; nil: it could.
func CanMake(ctx context.Context, address string) error {
	pool, err := connect(ctx, address, 1, "on")
	if err != nil {
		return fmt.Errorf("postgres inbox: %w", err)
	}
	defer pool.Close()
	var schema, user string
	var may bool
	err = pool.QueryRow(ctx, `SELECT coalesce(current_schema(), ''), current_user, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`).
		Scan(&schema, &user, &may)
	switch {
	case err != nil:
		return fmt.Errorf("postgres inbox: ask for the right to make tables: %w", err)
	case !may:
		return fmt.Errorf("postgres inbox: %s may not make tables in schema %q: grant CREATE on it to them, or name another schema by search_path", user, schema)
	}
	return nil
}

// connect makes a pool, and its first connection to see that it can.
func connect(ctx context.Context, address string, most int32, readOnly string) (*pgxpool.Pool, error) {
	config, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	config.MaxConns = most
	config.ConnConfig.DialFunc = dialer.DialContext
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if _, named := config.ConnConfig.RuntimeParams["application_name"]; !named {
		config.ConnConfig.RuntimeParams["application_name"] = "signalbox"
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return prepareSession(ctx, conn, readOnly) }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect: %w", unreachable(err))
	}
	return pool, nil
}

// Wake implements inbox.Store.
func (s *Store) Wake() <-chan struct{} { return s.waking.wake }

// Close implements inbox.Store. It returns when all that was accepted is on disk, or the database has not answered for a while.
func (s *Store) Close() error { return s.close() }

func (s *Store) closeAll() error {
	if s.appends != nil {
		s.appends.Close()
	}
	if s.waking != nil {
		s.waking.close()
	}
	s.closed.Store(true)
	for _, pool := range []*pgxpool.Pool{s.reads, s.writes} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

func limits(o Options) group.Limits {
	l := group.Limits{Waiting: 8192, WaitingBytes: 64 << 20, BatchJobs: 512, BatchBytes: 8 << 20}
	if o.MaxWaiting > 0 {
		l.Waiting = o.MaxWaiting
	}
	if o.MaxWaitingBytes > 0 {
		l.WaitingBytes = o.MaxWaitingBytes
	}
	return l
}
