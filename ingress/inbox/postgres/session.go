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

// sessionSettings make each session what the store relies on, whatever the server, the database or the role default to: a commit waits
// for the disk (remote_apply, which waits for more, stays); a statement sees what was committed before it; plans fit the size that
// tables have now, and use the order of an index, since each question names a few rows of tables that may be huge; a process that
// stalls in a transaction, or dies, loses its locks in seconds, not with the TCP connection in hours.
const sessionSettings = `SELECT
set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
set_config('default_transaction_isolation', 'read committed', false),
set_config('default_transaction_read_only', $1, false),
set_config('plan_cache_mode', 'force_custom_plan', false),
set_config('jit', 'off', false), set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),
set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
set_config('idle_in_transaction_session_timeout', '5s', false),
set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)`

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
