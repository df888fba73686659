package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

const (
	// writerCache holds the upper levels of the indexes of some ten million deliveries; the system caches the rest. SQLite walks
	// all of its own cache at some commits.
	writerCache = 16 << 20
	// retryEvery and giveUp are for a write lock that another process holds.
	retryEvery = time.Millisecond
	giveUp     = 15 * time.Second
)

// writer owns the only connection of this process that writes. After openWriter only the committing goroutine uses it, so it needs
// no lock.
type writer struct {
	db          *sql.DB
	conn        *sql.Conn
	stmt        map[string]*sql.Stmt
	file        *file
	logger      *zap.Logger
	checkpoints *checkpointer
	// kinds are rows of the table kind that are known to be there.
	kinds map[table.Kind]bool
	// synced and unsynced are the levels of synchronous for batches that must be durable and for others; level is the one in force.
	synced, unsynced, level string
	// written is about how many bytes went into the WAL since the last checkpoint was asked for.
	written int64
}

// job is one caller's write.
type job struct {
	// rows are appended together with those of all other jobs of the batch.
	rows []*row
	// work does any other write. What it finds wrong with the request goes into refusal: an error would undo the whole batch.
	work    func(*tx) error
	refusal error
	// relaxed jobs need not be synced.
	relaxed bool
	// size is about how many bytes it writes.
	size int64
	// committed runs once the batch is written.
	committed func()
}

// tx is one transaction under way.
type tx struct {
	*writer
	// sequence is the last place in the file that is taken; 0 before it was looked up.
	sequence int64
	// added are the rows that this transaction adds to the table kind.
	added []table.Kind
}

func openWriter(ctx context.Context, file *file, logger *zap.Logger) (_ *writer, err error) {
	db, err := sql.Open("sqlite", dsn(file.path, url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_pragma": {
			"cache_size(-" + strconv.Itoa(writerCache>>10) + ")",
			"wal_autocheckpoint(" + strconv.Itoa(restartAfter/pageSize) + ")",
			"journal_size_limit(" + strconv.Itoa(logLimit) + ")",
			// Copies for undoing one statement stay off the disk.
			"temp_store(MEMORY)",
		},
	}))
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db, file: file, logger: logger, kinds: map[table.Kind]bool{}, synced: "FULL", unsynced: "NORMAL"}
	if err = migrate(ctx, db); err == nil {
		err = w.connect(ctx)
	}
	if err == nil {
		w.checkpoints, err = openCheckpointer(file.path, logger)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// From here on the writer waits for locks itself.
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return errors.Join(fmt.Errorf("connect: %w", err), conn.Close())
	}
	w.conn, w.stmt, w.level = conn, map[string]*sql.Stmt{}, ""
	return nil
}

func (w *writer) close() error {
	var errs []error
	if w.checkpoints != nil {
		errs = append(errs, w.checkpoints.close())
	}
	if w.conn != nil {
		for _, stmt := range w.stmt {
			errs = append(errs, stmt.Close())
		}
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}

// commit writes a batch in one transaction. Where one job's data is at fault, each job gets a transaction of its own, so that it
// fails alone; an outage fails the batch as it is.
func (w *writer) commit(batch []*job) []error {
	errs := make([]error, len(batch))
	err := w.transact(batch)
	alone := err != nil && len(batch) > 1 && !isOutage(err)
	for i, j := range batch {
		if alone {
			err = w.transact(batch[i : i+1])
		}
		errs[i] = err
		if err == nil {
			errs[i] = j.refusal
		}
	}
	return errs
}

func (w *writer) transact(batch []*job) error {
	if w.conn == nil {
		if err := w.connect(context.Background()); err != nil {
			return err
		}
	}
	level := w.unsynced
	for _, j := range batch {
		if !j.relaxed {
			level = w.synced
		}
	}
	if err := w.begin(level); err != nil {
		return errors.Join(fmt.Errorf("begin: %w", err), w.rollback())
	}
	t := &tx{writer: w}
	err := t.apply(batch)
	if err == nil {
		_, err = w.exec("COMMIT")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write: %w", err), w.rollback())
	}
	if err := w.file.check(); err != nil {
		w.logger.Error("inbox file lost: webhooks are refused", zap.Error(err))
		return err
	}
	w.remember(t.added)
	for _, j := range batch {
		w.written += j.size
		if j.committed != nil {
			j.committed()
		}
	}
	if w.written > checkpointAfter {
		w.written = 0
		w.checkpoints.want()
	}
	return nil
}

// begin takes the write lock of the file. While another process has it, it tries again every millisecond.
func (w *writer) begin(level string) error {
	if level != w.level {
		if _, err := w.exec("PRAGMA synchronous = " + level); err != nil {
			return err
		}
		w.level = level
	}
	_, err := w.exec("BEGIN IMMEDIATE")
	if !isBusy(err) {
		return err
	}
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	end := time.NewTimer(giveUp)
	defer end.Stop()
	for {
		select {
		case <-again.C:
		case <-end.C:
			return fmt.Errorf("%w: another process has been writing for %s: %w", inbox.ErrBusy, giveUp, err)
		}
		if _, err = w.exec("BEGIN IMMEDIATE"); !isBusy(err) {
			return err
		}
	}
}

// rollback leaves no transaction behind. SQLite has ended it already after some errors, and then refuses; a new connection is the
// sure way out of that and of anything worse.
func (w *writer) rollback() error {
	if _, err := w.exec("ROLLBACK"); err == nil {
		return nil
	}
	err := w.conn.Raw(func(any) error { return driver.ErrBadConn })
	w.conn, w.stmt = nil, nil
	if !errors.Is(err, driver.ErrBadConn) {
		return fmt.Errorf("drop connection: %w", err)
	}
	return nil
}

// maxKinds bounds the memory for kinds that are known. A sender may make up any number.
const maxKinds = 10_000

func (w *writer) remember(added []table.Kind) {
	if len(w.kinds)+len(added) > maxKinds {
		clear(w.kinds)
	}
	for _, k := range added {
		w.kinds[k] = true
	}
}

func (t *tx) apply(batch []*job) error {
	var rows []*row
	for _, j := range batch {
		rows = append(rows, j.rows...)
	}
	if err := t.append(rows); err != nil {
		return err
	}
	for _, j := range batch {
		if j.work == nil {
			continue
		}
		// A batch is applied again where another of its jobs failed it.
		j.refusal = nil
		if err := j.work(t); err != nil {
			return err
		}
	}
	return nil
}

// prepare keeps each statement compiled for the life of the connection. Writes run without the caller's context: a caller that
// leaves must not interrupt the others of its batch.
func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if stmt, ok := w.stmt[query]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	w.stmt[query] = stmt
	return stmt, nil
}

// exec returns the number of rows changed.
func (w *writer) exec(query string, args ...any) (int64, error) {
	stmt, err := w.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each calls scan for every row.
func (w *writer) each(query string, scan func(*sql.Rows) error, args ...any) error {
	stmt, err := w.prepare(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// queryRow scans the first row into dest; false when there is none.
func (w *writer) queryRow(query string, args []any, dest ...any) (bool, error) {
	stmt, err := w.prepare(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Statements for many rows at once cost a third of as many single ones. Few sizes are enough: a busy batch is mostly full chunks,
// and a quiet one is short.
var chunkSizes = []int{32, 8, 1}

// inChunks hands out all in pieces of those sizes, the largest first.
func inChunks[T any](all []T, do func([]T) error) error {
	for _, size := range chunkSizes {
		for len(all) >= size {
			if err := do(all[:size]); err != nil {
				return err
			}
			all = all[size:]
		}
	}
	return nil
}

// tuples writes one statement for each chunk size, with a tuple of arguments for each row.
func tuples(head string, columns int, tail string) map[int]string {
	tuple := "(?" + strings.Repeat(", ?", columns-1) + ")"
	queries := map[int]string{}
	for _, n := range chunkSizes {
		queries[n] = head + tuple + strings.Repeat(", "+tuple, n-1) + tail
	}
	return queries
}

// lists writes one statement for each chunk size, with a list of that many arguments.
func lists(head, tail string) map[int]string {
	queries := map[int]string{}
	for _, n := range chunkSizes {
		queries[n] = head + "(?" + strings.Repeat(", ?", n-1) + ")" + tail
	}
	return queries
}

// execAll runs the statement of each chunk's size on values, after the arguments that come before them. It returns the number of
// rows changed.
func execAll[T any](t *tx, queries map[int]string, values []T, before ...any) (changed int64, err error) {
	err = inChunks(values, func(chunk []T) error {
		n, err := t.exec(queries[len(chunk)], arguments(before, chunk)...)
		changed += n
		return err
	})
	return changed, err
}

// queryAll is execAll for rows.
func queryAll[T any](t *tx, queries map[int]string, values []T, scan func(*sql.Rows) error, before ...any) error {
	return inChunks(values, func(chunk []T) error {
		return t.each(queries[len(chunk)], scan, arguments(before, chunk)...)
	})
}

func arguments[T any](before []any, values []T) []any {
	all := append(make([]any, 0, len(before)+len(values)), before...)
	for _, value := range values {
		all = append(all, value)
	}
	return all
}
