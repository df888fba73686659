package postgres

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// Connections: the appends take up to 2 × atOnce of the writers. Readers are apart, so that lists keep no write waiting.
	writers, readers = 12, 4
	// connectTimeout counts where the address has no connect_timeout; openTimeout includes the migrations of a large inbox.
	connectTimeout, openTimeout = 5 * time.Second, 10 * time.Minute
	// pingTimeout is for a connection that was idle for a second: the network may have forgotten it, and then nothing comes back.
	pingTimeout = 500 * time.Millisecond
	// transactionTimeout: a longer transaction has a dead connection. An append is then tried again within the 4 s of an Artmail webhook.
	transactionTimeout = 3 * time.Second
	// migrationLock is the advisory lock under which tables are made and changed. It is asked for each second.
	migrationLock, lockTries = 0x7369676e616c6278, 600
)

// ErrUnsuitable says that a server can be reached but must not be used: its version or settings could lose deliveries.
var ErrUnsuitable = errors.New("this PostgreSQL server can't hold the inbox")

// Options say how an inbox is opened. The zero value is the default.
type Options struct {
	// NoMigrate leaves the tables as they are. Open fails with inbox.ErrNoTables or inbox.ErrOlder if they are not current.
	NoMigrate          bool
	transactionTimeout time.Duration // tests on a busy machine set it
}

// Store is an inbox.Store in a PostgreSQL database.
type Store struct {
	*sqlstore.Store
	db *database
}

var _ inbox.Store = (*Store)(nil)

// database is a database that is open.
type database struct {
	store              *sqlstore.Store
	writes, reads      *pgxpool.Pool
	transactionTimeout time.Duration
	queue              *group.Committer[job] // merges appends into batches
	closed             atomic.Bool
}

// Open connects to the database that a URL names, and brings its tables up to date. It returns inbox.ErrNewer where a newer version has
// changed the tables. No error of this package holds the password.
func Open(ctx context.Context, address string, options Options) (_ *Store, err error) {
	db := &database{transactionTimeout: cmp.Or(options.transactionTimeout, transactionTimeout)}
	db.store, db.queue = sqlstore.New(db), group.New(db.commit)
	s := &Store{db.store, db}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if db.writes, err = connect(ctx, address, writers, "off", db.transactionTimeout); err == nil {
		err = migrate(ctx, db.writes, options.NoMigrate)
	}
	if err == nil {
		db.reads, err = connect(ctx, address, readers, "on", db.transactionTimeout)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres inbox: open %s: %w", Redact(address), err), s.Close())
	}
	return s, nil
}

// Close implements inbox.Store. It returns when all accepted writes are on disk or have failed.
func (s *Store) Close() error {
	s.db.queue.Close()
	s.db.closed.Store(true)
	for _, pool := range []*pgxpool.Pool{s.db.reads, s.db.writes} {
		if pool != nil {
			pool.Close()
		}
	}
	return nil
}

// connect makes a pool, and opens one connection to check it.
func connect(ctx context.Context, address string, most int32, readOnly string, transactionTimeout time.Duration) (*pgxpool.Pool, error) {
	config, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.PingTimeout = most, pingTimeout
	// Keep-alives notice within 25 s that a server has gone while an answer is awaited.
	alive := net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}
	config.ConnConfig.DialFunc = (&net.Dialer{KeepAliveConfig: alive}).DialContext
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = cmp.Or(parameters["application_name"], "signalbox")
	// After a failover the server may be another one.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		var unfit string
		err := conn.QueryRow(ctx, selectUnfit).Scan(&unfit)
		if unfit != "" {
			return fmt.Errorf("%w: %s", ErrUnsuitable, unfit)
		}
		if err == nil {
			_, err = conn.Exec(ctx, sessionSettings, readOnly, strconv.FormatInt((transactionTimeout+2*time.Second).Milliseconds(), 10))
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		if isTransient(err) && !errors.Is(err, ErrUnsuitable) {
			err = fmt.Errorf("%w: %w", inbox.ErrBusy, err)
		}
		return nil, fmt.Errorf("connect: %w", err)
	}
	return pool, nil
}

const (
	// selectUnfit says what is wrong with a server. PostgreSQL 14 is the oldest version that still gets fixes.
	selectUnfit = `SELECT CASE
WHEN current_setting('server_version_num')::int < 140000 THEN format('it is version %s, want 14 or later', current_setting('server_version'))
WHEN current_setting('fsync') <> 'on' THEN 'fsync is off, so that a crash would lose what was acknowledged; set fsync = on'
WHEN current_setting('server_encoding') <> 'UTF8' THEN 'the database''s encoding is not UTF8; create it with ENCODING ''UTF8'''
WHEN pg_is_in_recovery() THEN 'it is a standby; name the primary, or several hosts with target_session_attrs=read-write' ELSE '' END`
	// sessionSettings make each session what the store relies on, against other defaults: a commit waits for the disk (remote_apply, which
	// waits for more, stays); a statement sees what was committed before it; plans fit the size that tables have now, and use the order of
	// an index, since each query names a few rows of tables that may be huge; a process that stalls in a transaction, or dies, loses its
	// locks in seconds, not with the TCP connection in hours.
	sessionSettings = `SELECT
set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
set_config('default_transaction_isolation', 'read committed', false), set_config('default_transaction_read_only', $1, false),
set_config('plan_cache_mode', 'force_custom_plan', false), set_config('jit', 'off', false),
set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),
set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
set_config('idle_in_transaction_session_timeout', $2, false),
set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`
	selectMissingRight = `SELECT CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN '' ELSE format(
'%s may not make tables in schema "%s": grant CREATE on it to them, or name another schema by search_path', current_user, current_schema()) END`
	hasTable   = "SELECT to_regclass('" + sqlstore.VersionTable + "') IS NOT NULL"
	selectSize = `SELECT sum(pg_total_relation_size(name::regclass))::bigint
FROM unnest(ARRAY['inbox_delivery', 'inbox_body', 'inbox_kind', 'inbox_lane', 'inbox_audit']) AS t(name)`
)

// migrate brings the tables up to date or, with noMigrate, checks that they are. Replicas that start together do it one after the other.
func migrate(ctx context.Context, pool *pgxpool.Pool, noMigrate bool) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, lockTries))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	return errors.Join(sqlstore.Migrate(ctx, db, noMigrate, hasTable, migrations, goose.DialectPostgres, goose.WithSessionLocker(locker)), db.Close())
}

// CanMake returns nil if an inbox can be created in a database, or else the reason.
func CanMake(ctx context.Context, address string) error {
	pool, err := connect(ctx, address, 1, "on", transactionTimeout)
	if err != nil {
		return fmt.Errorf("postgres inbox: %w", err)
	}
	defer pool.Close()
	var missing string
	if err := pool.QueryRow(ctx, selectMissingRight).Scan(&missing); err != nil || missing == "" {
		return (&database{}).Wrap(ctx, "check the right to create tables", err)
	}
	return errors.New("postgres inbox: " + missing)
}

// Check implements inbox.Store. It takes the lock that an append needs, so it fails while another session has locked the whole table.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.db.reads.Exec(ctx, "DO 'BEGIN PERFORM set_config(''lock_timeout'', ''100'', true); LOCK TABLE inbox_delivery IN ROW EXCLUSIVE MODE; END'")
	return s.db.Wrap(ctx, "check", err)
}

// Size implements inbox.Store.
func (s *Store) Size(ctx context.Context) (size inbox.Size, err error) {
	err = s.db.reads.QueryRow(ctx, selectSize).Scan(&size.Tables)
	return size, s.db.Wrap(ctx, "size", err)
}
