package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

// oldestServer is the oldest version of PostgreSQL that still gets fixes.
const oldestServer = 140000

// sessionSettings make each session what the store relies on, whatever the server, the database or the role default to:
//
//   - a commit is answered when it is on disk; remote_apply, which waits for more, is left alone;
//   - a statement sees what was committed before it, not before its transaction;
//   - the plan fits the size that tables have now: one made while they were empty must not outlive that;
//   - what is looked for is found by an index: each question here names a few rows of tables that may be huge, and reading a table that
//     still seems small costs most where many dead rows wait for vacuum;
//   - and in the index's order, of which a list is the beginning: a bitmap reads all that there is before it shows the first;
//   - a process that stalls or dies in a transaction loses its locks in seconds, not with the TCP connection in hours.
const sessionSettings = `SELECT
set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
set_config('default_transaction_isolation', 'read committed', false),
set_config('default_transaction_read_only', $1, false),
set_config('plan_cache_mode', 'force_custom_plan', false),
set_config('jit', 'off', false),
set_config('enable_seqscan', 'off', false),
set_config('enable_bitmapscan', 'off', false),
set_config('enable_hashjoin', 'off', false),
set_config('enable_mergejoin', 'off', false),
set_config('idle_in_transaction_session_timeout', '10s', false),
set_config('tcp_keepalives_idle', '10', false),
set_config('tcp_keepalives_interval', '5', false),
set_config('tcp_keepalives_count', '3', false)`

const serverFacts = `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('fsync') = 'on',
current_setting('server_encoding'), pg_is_in_recovery()`

// ErrUnsuitable says that a server can be reached and must not be used: it would not keep what it was given.
var ErrUnsuitable = errors.New("this PostgreSQL server can't hold the inbox")

// prepareSession runs on every new connection: after a failover the server may be another one.
func prepareSession(ctx context.Context, conn *pgx.Conn, readOnly string) error {
	var version int
	var versionText, encoding string
	var fsync, standby bool
	if err := conn.QueryRow(ctx, serverFacts).Scan(&version, &versionText, &fsync, &encoding, &standby); err != nil {
		return fmt.Errorf("ask the server what it is: %w", err)
	}
	switch {
	case version < oldestServer:
		return fmt.Errorf("%w: it is version %s, want 14 or later", ErrUnsuitable, versionText)
	case !fsync:
		return fmt.Errorf("%w: fsync is off, so that a crash would lose what was acknowledged; set fsync = on", ErrUnsuitable)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database's encoding is %s; create it with ENCODING 'UTF8'", ErrUnsuitable, encoding)
	case standby:
		return fmt.Errorf("%w: it is a standby; name the primary, or several hosts with target_session_attrs=read-write", ErrUnsuitable)
	}
	if _, err := conn.Exec(ctx, sessionSettings, readOnly); err != nil {
		return fmt.Errorf("prepare session: %w", err)
	}
	return nil
}

// dialer notices a server that is gone without a word while an answer is waited for.
var dialer = net.Dialer{
	Timeout:         5 * time.Second,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
}
