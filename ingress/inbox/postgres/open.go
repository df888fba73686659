package postgres

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

const (
	// Connections: the appends take up to 2 × atOnce of the writers. Readers are apart, so that lists keep no write waiting.
	writers, readers = 12, 4
	// connectTimeout counts where the address has no connect_timeout; openTimeout includes the migrations of a large inbox.
	connectTimeout, openTimeout = 5 * time.Second, 10 * time.Minute
	// tries is how often a write is begun that lost against another transaction. From the try skipFrom on, relaxed work leaves out the
	// lanes that are locked.
	tries, skipFrom = 4, 3
)

// Options say how an inbox is opened. The zero value is the default.
type Options struct {
	// Existing opens only what is there: the database is neither given tables nor are they brought up to date.
	Existing bool
	// MaxWaiting is how many appends may wait before others get inbox.ErrBusy (default 8192), MaxWaitingBytes their size (64 MiB).
	MaxWaiting      int
	MaxWaitingBytes int64
}

// Store is an inbox.Store in a PostgreSQL database.
type Store struct {
	*sqlstore.Store
	db *database
}

var _ inbox.Store = (*Store)(nil)

// database is a database that is open.
type database struct {
	store         *sqlstore.Store
	writes, reads *pgxpool.Pool
	// shared merges appends into batches; apart is for those to lanes that were found locked.
	shared, apart *group.Committer[job]
	locked        lockedLanes
	closed        atomic.Bool
	closing       sync.Once
}

// Open connects to the database that a URL names, and brings its tables up to date. It returns inbox.ErrNewer where a newer version has
// changed the tables. No error of this package holds the password.
func Open(ctx context.Context, address string, options Options) (_ *Store, err error) {
	db := &database{}
	db.store = sqlstore.New(db)
	defer func() {
		if err != nil {
			db.close()
			err = fmt.Errorf("postgres inbox: open %s: %w", Redact(address), err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if db.writes, err = connect(ctx, address, writers, "off"); err != nil {
		return nil, err
	}
	if err = migrate(ctx, db.writes, options.Existing); err != nil {
		return nil, err
	}
	if db.reads, err = connect(ctx, address, readers, "on"); err != nil {
		return nil, err
	}
	limits := group.Limits{
		Waiting: cmp.Or(options.MaxWaiting, 8192), WaitingBytes: cmp.Or(options.MaxWaitingBytes, 64<<20), BatchJobs: 512, BatchBytes: 8 << 20,
	}
	db.shared, db.apart = group.New(limits, db.commit), group.New(limits, db.commitApart)
	return &Store{db.store, db}, nil
}

const selectRight = `SELECT coalesce(current_schema(), ''), current_user, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`

// CanMake says why an inbox could not be made in a database; nil: it could.
func CanMake(ctx context.Context, address string) error {
	pool, err := connect(ctx, address, 1, "on")
	if err != nil {
		return fmt.Errorf("postgres inbox: %w", err)
	}
	defer pool.Close()
	var schema, user string
	var may bool
	err = pool.QueryRow(ctx, selectRight).Scan(&schema, &user, &may)
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
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = cmp.Or(parameters["application_name"], "signalbox")
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

// Write implements sqlstore.Database.
func (d *database) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) (err error) {
	for try := 1; try <= tries; try++ {
		err = d.transact(ctx, mode{relaxed: relaxed, skip: relaxed && try >= skipFrom}, work)
		if !isRepeatable(err) {
			break
		}
	}
	return err
}

// Check implements inbox.Store.
func (s *Store) Check(ctx context.Context) error {
	return s.db.Wrap(ctx, "check", s.db.reads.Ping(ctx))
}

const selectSize = `SELECT sum(pg_total_relation_size(name::regclass))::bigint
FROM unnest(ARRAY['inbox_delivery', 'inbox_body', 'inbox_kind', 'inbox_lane', 'inbox_audit']) AS t(name)`

// Size implements inbox.Store.
func (s *Store) Size(ctx context.Context) (size inbox.Size, err error) {
	err = s.db.reads.QueryRow(ctx, selectSize).Scan(&size.Tables)
	return size, s.db.Wrap(ctx, "size", err)
}

// Close implements inbox.Store. It returns when all that was accepted is on disk, or the database has not answered for a while.
func (s *Store) Close() error {
	s.db.close()
	return nil
}

func (d *database) close() {
	d.closing.Do(func() {
		if d.shared != nil {
			d.shared.Close()
			d.apart.Close()
		}
		d.closed.Store(true)
		for _, pool := range []*pgxpool.Pool{d.reads, d.writes} {
			if pool != nil {
				pool.Close()
			}
		}
	})
}
