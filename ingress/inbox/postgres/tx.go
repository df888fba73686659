package postgres

import (
	"context"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

// What a transaction does with rows that another one has locked.
const wait, skip = " FOR UPDATE", " FOR UPDATE SKIP LOCKED"

// tx implements sqlstore.Statements. It sends a statement without a result together with the next one, so that an append takes two round trips.
// Each statement sees all commits before it, also those that the previous statement waited for.
type tx struct {
	ctx  context.Context
	conn *pgxpool.Conn
	kept *pgx.Batch
	lock string
}

// transact does work in a transaction and commits it. A relaxed commit does not wait for the disk.
func (d *database) transact(ctx context.Context, relaxed bool, lock string, work func(sqlstore.Tx) error) error {
	if d.closed.Load() {
		return inbox.ErrClosed
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, d.transactionTimeout)
	defer cancel()
	conn, err := d.writes.Acquire(ctx)
	if err != nil {
		// A connection that is being made is kept: it may be the first to a server that answers.
		if ctx.Err() != nil && caller.Err() == nil && d.writes.Stat().IdleConns() > 0 {
			d.reset()
		}
		return err
	}
	// This closes a connection that is still in a transaction.
	defer conn.Release()
	t := &tx{ctx: ctx, conn: conn, kept: &pgx.Batch{}, lock: lock}
	t.kept.Queue("BEGIN")
	t.kept.Queue("SET LOCAL lock_timeout = 100")
	if relaxed {
		t.kept.Queue("SET LOCAL synchronous_commit = off")
	}
	if err = work(sqlstore.Tx{Statements: t, Skip: lock == skip}); err == nil {
		t.kept.Queue("COMMIT")
		err = t.send()
	}
	switch {
	case err == nil || caller.Err() != nil:
	case conn.Conn().IsClosed():
		d.reset()
	default:
		_, _ = conn.Exec(ctx, "ROLLBACK")
	}
	return err
}

// reset closes all connections: the server has restarted or does not answer, so they are lost.
func (d *database) reset() {
	d.writes.Reset()
	d.reads.Reset()
}

// tries are what @try means in each try of a write that conflicts with another.
var tries = []string{wait, wait, skip, skip}

// Write implements sqlstore.Database.
func (d *database) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) (err error) {
	for _, lock := range tries {
		err = d.transact(ctx, relaxed, lock, work)
		if !hasState(err, classConflict, lockTimeout) && !pgconn.SafeToRetry(err) {
			break
		}
	}
	return err
}

// send runs the kept statements in order, up to the first error.
func (t *tx) send() error {
	batch := t.kept
	t.kept = &pgx.Batch{}
	return t.conn.SendBatch(t.ctx, batch).Close()
}

// Run implements sqlstore.Statements.
func (t *tx) Run(query string, list any, scan func(sqlstore.Row) error, args ...any) (changed int64, err error) {
	if list != nil {
		if reflect.ValueOf(list).Len() == 0 {
			return 0, nil
		}
		args = append(slices.Clone(args), list)
	}
	t.kept.Queue(translate(query, t.lock), values(args)...).Query(func(rows pgx.Rows) error {
		err := each(rows, scan)
		changed = rows.CommandTag().RowsAffected()
		return err
	})
	err = t.send()
	return changed, err
}

// Repeat implements sqlstore.Statements.
func (t *tx) Repeat(query string, args [][]any, scan func(int, sqlstore.Row) error) error {
	query = translate(query, t.lock)
	for i, one := range args {
		t.kept.Queue(query, values(one)...).Query(func(rows pgx.Rows) error {
			return each(rows, func(row sqlstore.Row) error { return scan(i, row) })
		})
	}
	return t.send()
}

// Insert implements sqlstore.Statements.
func (t *tx) Insert(into sqlstore.Insert, args []any, scan func(sqlstore.Row) error) error {
	if len(args) == 0 {
		return nil
	}
	columns := make([]any, len(into.Types))
	for c := range columns {
		var column []any
		for i := c; i < len(args); i += len(columns) {
			column = append(column, args[i])
		}
		columns[c] = column
	}
	query := "INSERT INTO " + into.Table + " SELECT * FROM unnest(?::" + strings.Join(into.Types, "[], ?::") + "[]) " + into.Tail
	if scan != nil {
		_, err := t.Run(query, nil, scan, columns...)
		return err
	}
	t.kept.Queue(translate(query, t.lock), values(columns)...)
	return nil
}

// Read implements sqlstore.Database.
func (d *database) Read(ctx context.Context, query string, scan func(sqlstore.Row) error, args ...any) error {
	rows, _ := d.reads.Query(ctx, translate(query, wait), values(args)...) // rows hold the error
	return each(rows, scan)
}

// translate makes PostgreSQL's text of a query. It takes microseconds, so that the text is not kept.
func translate(query, lock string) string {
	query = strings.NewReplacer("IN (*)", "= ANY(?)", " @lock", wait, " @skip", skip, " @try", lock,
		" @delivery_unique", "", " @delivery_arrived", "", " @delivery_in_lane", "", " @delivery_open", "", " @delivery_anew", "", " @delivery_kind", "").Replace(query)
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i+1] = "$" + strconv.Itoa(i+1) + parts[i+1]
	}
	return strings.Join(parts, "")
}

// each calls scan for every row and closes the rows.
func each(rows pgx.Rows, scan func(sqlstore.Row) error) error {
	_, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (struct{}, error) { return struct{}{}, scan(row{r}) })
	return err
}

// row unescapes the texts that it reads.
type row struct{ pgx.CollectableRow }

func (r row) Scan(dest ...any) error {
	err := r.CollectableRow.Scan(dest...)
	for _, d := range dest {
		if text, ok := d.(*string); ok {
			*text = unescape(*text)
		}
	}
	return err
}

// values are args as the tables hold them.
func values[V any](args []V) []any {
	held := make([]any, len(args))
	for i, arg := range args {
		switch arg := any(arg).(type) {
		case string:
			held[i] = escape(arg)
		case []string:
			held[i] = values(arg)
		case []any:
			held[i] = values(arg)
		default:
			held[i] = arg
		}
	}
	return held
}

// A text in PostgreSQL can't hold NUL or invalid UTF-8, but a provider's JSON may hold both. Such a text is written as this prefix and
// its bytes in hexadecimal, and so is a text that begins with the prefix.
const inHex = `\x`

// escape returns a text as the tables hold it; equal texts stay equal.
func escape(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") && !strings.HasPrefix(s, inHex) {
		return s
	}
	return inHex + hex.EncodeToString([]byte(s))
}

// unescape reverses escape. It does not change a text that escape has not written.
func unescape(s string) string {
	digits, found := strings.CutPrefix(s, inHex)
	plain, err := hex.DecodeString(digits)
	if !found || err != nil {
		return s
	}
	return string(plain)
}
