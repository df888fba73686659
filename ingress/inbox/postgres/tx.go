package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// longest bounds a transaction: what takes longer has lost its server.
const longest = 15 * time.Second

// mode is how a transaction is carried out.
type mode struct {
	// relaxed does not wait for the disk at the commit.
	relaxed bool
	// skip leaves out the rows that another transaction has locked.
	skip bool
}

// tx implements sqlstore.Tx. Statements without an answer are kept back and go to the server together with the next one, so that an
// append takes two round trips. Each statement sees what was committed before it, and so what the one before it waited for.
type tx struct {
	ctx  context.Context
	conn *pgxpool.Conn
	kept *pgx.Batch
	lock string
}

// transact does work in a transaction and commits it.
func (d *database) transact(ctx context.Context, m mode, work func(sqlstore.Tx) error) error {
	if d.closed.Load() {
		return inbox.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	conn, err := d.writes.Acquire(ctx)
	if err != nil {
		return err
	}
	// This closes a connection that is still in a transaction.
	defer conn.Release()
	t := &tx{ctx: ctx, conn: conn, kept: &pgx.Batch{}, lock: " FOR UPDATE"}
	if m.skip {
		t.lock = skipLocked
	}
	t.kept.Queue("BEGIN")
	t.kept.Queue("SET LOCAL lock_timeout = 100")
	if m.relaxed {
		t.kept.Queue("SET LOCAL synchronous_commit = off")
	}
	if err = work(t); err == nil {
		t.kept.Queue("COMMIT")
		err = t.send()
	}
	switch {
	case err == nil || ctx.Err() != nil:
	case conn.Conn().IsClosed():
		// The server has restarted, or is gone: the other connections are as dead as this one.
		d.writes.Reset()
		d.reads.Reset()
	default:
		_, _ = conn.Exec(ctx, "ROLLBACK")
	}
	return err
}

// send has the kept statements carried out in order. An error of one keeps the following from being carried out.
func (t *tx) send() error {
	batch := t.kept
	t.kept = &pgx.Batch{}
	return t.conn.SendBatch(t.ctx, batch).Close()
}

// Exec implements sqlstore.Tx.
func (t *tx) Exec(query string, args ...any) (changed int64, err error) {
	t.kept.Queue(translate(query, t.lock), values(args)...).Exec(func(tag pgconn.CommandTag) error {
		changed = tag.RowsAffected()
		return nil
	})
	err = t.send()
	return changed, err
}

// Each implements sqlstore.Tx.
func (t *tx) Each(query string, scan func(sqlstore.Row) error, args ...any) error {
	t.kept.Queue(translate(query, t.lock), values(args)...).Query(func(rows pgx.Rows) error { return each(rows, scan) })
	return t.send()
}

// ExecList implements sqlstore.Tx.
func (t *tx) ExecList(query string, list any, args ...any) (int64, error) {
	if isEmpty(list) {
		return 0, nil
	}
	return t.Exec(query, append(args[:len(args):len(args)], list)...)
}

// EachList implements sqlstore.Tx.
func (t *tx) EachList(query string, scan func(sqlstore.Row) error, list any, args ...any) error {
	if isEmpty(list) {
		return nil
	}
	return t.Each(query, scan, append(args[:len(args):len(args)], list)...)
}

// Insert implements sqlstore.Tx.
func (t *tx) Insert(into sqlstore.Insert, args []any, scan func(sqlstore.Row) error) error {
	if len(args) == 0 {
		return nil
	}
	columns, names := make([]any, len(into.Types)), make([]string, len(into.Types))
	for c, name := range into.Types {
		column := make([]any, 0, len(args)/len(columns))
		for i := c; i < len(args); i += len(columns) {
			column = append(column, value(args[i]))
		}
		columns[c], names[c] = column, "?::"+name+"[]"
	}
	query := "INSERT INTO " + into.Table + " SELECT * FROM unnest(" + strings.Join(names, ", ") + ") " + into.Tail
	if scan == nil {
		t.kept.Queue(translate(query, t.lock), columns...)
		return nil
	}
	return t.Each(query, scan, columns...)
}

// Read implements sqlstore.Database.
func (d *database) Read(ctx context.Context, query string, scan func(sqlstore.Row) error, args ...any) error {
	rows, err := d.reads.Query(ctx, translate(query, ""), values(args)...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

const skipLocked = " FOR UPDATE SKIP LOCKED"

// translate makes PostgreSQL's text of a query. That takes a microsecond or two, so it is not kept.
func translate(query, lock string) string {
	query = strings.NewReplacer("IN (*)", "= ANY(?)", " @lock", lock, " @skip", skipLocked,
		" @delivery_unique", "", " @delivery_arrived", "", " @delivery_in_lane", "", " @delivery_open", "", " @delivery_kind", "").Replace(query)
	parts := strings.Split(query, "?")
	var text strings.Builder
	text.WriteString(parts[0])
	for i, part := range parts[1:] {
		text.WriteString("$" + strconv.Itoa(i+1) + part)
	}
	return text.String()
}

// each calls scan for every row and closes the rows.
func each(rows pgx.Rows, scan func(sqlstore.Row) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(row{rows}); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row unescapes the texts that it reads.
type row struct{ rows pgx.Rows }

func (r row) Scan(dest ...any) error {
	err := r.rows.Scan(dest...)
	for _, d := range dest {
		if text, ok := d.(*string); ok {
			*text = unescape(*text)
		}
	}
	return err
}

// value is what stands in the tables for a value: texts escaped, and no bytes where there are none, which would be NULL.
func value(v any) any {
	switch v := v.(type) {
	case string:
		return escape(v)
	case []string:
		return values(v)
	case []byte:
		return append([]byte{}, v...)
	default:
		return v
	}
}

func values[V any](all []V) []any {
	converted := make([]any, len(all))
	for i, v := range all {
		converted[i] = value(v)
	}
	return converted
}

func isEmpty(list any) bool {
	switch list := list.(type) {
	case []string:
		return len(list) == 0
	case []int64:
		return len(list) == 0
	default:
		return false
	}
}
