package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	lib "modernc.org/sqlite/lib"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

const (
	// pageSize is SQLite's default. An append writes about one page for its place in the index of unique keys alone.
	pageSize = 4096
	// cacheSize holds the upper levels of the indexes of some ten million deliveries; the system caches the rest. SQLite walks all of
	// its own cache at some commits.
	cacheSize = 16 << 20
	// retryEvery is the pause while another process holds the write lock; after about giveUp the write fails.
	retryEvery = time.Millisecond
	giveUp     = 15 * time.Second
)

// writer owns the only connection of this process that writes. After openWriter only the committing goroutine uses it, so it needs no lock.
type writer struct {
	store       *sqlstore.Store
	db          *sql.DB
	conn        *sql.Conn
	statements  map[statement]*sql.Stmt
	file        *fileGuard
	checkpoints *checkpointer
	// synced and unsynced are the levels of synchronous for batches that must be durable and for others.
	synced, unsynced string
	// pragmas are in force on the connection.
	pragmas map[string]string
	// changed bounds the rows changed since growth last led to a checkpoint. Each costs about a page; some count twice. asked: the last checkpoint.
	changed int64
	asked   time.Time
}

// statement is a query for a number of rows or values.
type statement struct {
	query string
	rows  int
}

// job is one caller's write: rows are appended together with those of all other jobs of the batch, work is any other write.
type job struct {
	rows    []*sqlstore.Delivery
	work    func(sqlstore.Tx) error
	refusal error
	relaxed bool
}

func openWriter(ctx context.Context, store *sqlstore.Store, file *fileGuard, options Options) (_ *writer, err error) {
	log := cmp.Or(options.walSizes, usualWALSizes)
	query := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_pragma": {
			"cache_size(-" + strconv.Itoa(cacheSize>>10) + ")",
			"journal_size_limit(" + strconv.FormatInt(log.keep, 10) + ")",
			// What is deleted is overwritten with zeros. It costs an append nothing, and a purge one more write of each page that it frees.
			"secure_delete(ON)",
			// Copies for undoing one statement stay off the disk.
			"temp_store(MEMORY)",
		},
	}
	info, err := os.Stat(file.path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	// It is kept in the file. To set it takes the write lock even where nothing changes: for seconds, beside a process that writes much.
	if info.Size() == 0 {
		query.Set("_auto_vacuum", "INCREMENTAL")
	}
	db, err := sql.Open("sqlite", dsn(file.path, query))
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	db.SetMaxOpenConns(1)
	w := &writer{store: store, db: db, file: file, checkpoints: &checkpointer{logger: options.Logger, log: log}, synced: "FULL", unsynced: "NORMAL"}
	if err = migrate(ctx, db, options.NoMigrate); err == nil {
		err = cmp.Or(w.connect(ctx), file.check()) // check remembers the files
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
	w.db.SetMaxIdleConns(-1) // what disconnect closes is not kept in the pool
	w.conn, w.statements, w.pragmas = conn, map[statement]*sql.Stmt{}, map[string]string{}
	return nil
}

// disconnect closes the statements first: SQLite keeps a connection with statements open, and sql.Conn closes none.
func (w *writer) disconnect() error {
	if w.conn == nil {
		return nil
	}
	var errs []error
	for _, stmt := range w.statements {
		errs = append(errs, stmt.Close())
	}
	errs = append(errs, w.conn.Close())
	w.conn, w.statements = nil, nil
	return errors.Join(errs...)
}

func (w *writer) close() error { return errors.Join(w.disconnect(), w.db.Close()) }

// commit writes a batch in one transaction. If that fails because of one job's data, each job gets its own; an outage fails them all.
func (w *writer) commit(batch []*job) []error {
	errs := make([]error, len(batch))
	err := w.transact(batch)
	alone := err != nil && len(batch) > 1 && !isOutage(err)
	for i, j := range batch {
		if alone {
			err = w.transact(batch[i : i+1])
		}
		errs[i] = cmp.Or(err, j.refusal)
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
	if slices.ContainsFunc(batch, func(j *job) bool { return !j.relaxed }) {
		level = w.synced
	}
	if err := w.begin(level); err != nil {
		return errors.Join(fmt.Errorf("begin: %w", err), w.rollback())
	}
	err := w.apply(batch)
	if err == nil {
		_, err = w.Run("COMMIT", nil, nil)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write: %w", err), w.rollback())
	}
	if err := w.file.check(); err != nil {
		w.checkpoints.logger.Error("inbox file was removed or replaced: webhooks are refused", zap.Error(err))
		return err
	}
	for _, j := range batch {
		w.store.Appended(j.rows)
	}
	grown := w.changed*pageSize > w.checkpoints.log.checkpoint
	if grown {
		w.changed = 0
	}
	//nolint:forbidigo // it only spaces checkpoints
	if now := time.Now(); grown || w.file.walSize > w.checkpoints.log.keep && now.Sub(w.asked) > time.Second {
		w.asked = now
		w.checkpoints.start(grown)
	}
	return nil
}

// apply appends the rows of a batch, then does its other work.
func (w *writer) apply(batch []*job) error {
	var rows []*sqlstore.Delivery
	for _, j := range batch {
		rows = append(rows, j.rows...)
	}
	if err := w.store.AppendTo(sqlstore.Tx{Statements: w}, rows); err != nil {
		return err
	}
	for _, j := range batch {
		if j.work == nil {
			continue
		}
		// A batch is applied again if another of its jobs failed.
		j.refusal = j.work(sqlstore.Tx{Statements: w})
		if j.refusal != nil && !errors.Is(j.refusal, inbox.ErrNotFound) && !errors.Is(j.refusal, inbox.ErrNotReplayable) {
			return j.refusal
		}
	}
	return nil
}

// begin takes the write lock of the file. While another process has the lock, begin tries again every millisecond.
func (w *writer) begin(level string) error {
	automatic := int64(0)
	if w.checkpoints.caughtUp.Load() {
		automatic = w.checkpoints.log.restart / pageSize
	}
	err := cmp.Or(w.set("synchronous", level), w.set("wal_autocheckpoint", strconv.FormatInt(automatic, 10)))
	if err != nil {
		return err
	}
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	for range giveUp / retryEvery {
		if _, err = w.Run("BEGIN IMMEDIATE", nil, nil); primaryCode(err) != lib.SQLITE_BUSY {
			return err
		}
		<-again.C
	}
	return fmt.Errorf("%w: another process has been writing for %s: %w", inbox.ErrBusy, giveUp, err)
}

func (w *writer) set(pragma, value string) error {
	if w.pragmas[pragma] == value {
		return nil
	}
	_, err := w.Run("PRAGMA "+pragma+" = "+value, nil, nil)
	if err == nil {
		w.pragmas[pragma] = value
	}
	return err
}

// rollback leaves no transaction behind. If ROLLBACK fails, also because SQLite has ended the transaction itself, it closes the connection.
func (w *writer) rollback() error {
	if _, err := w.Run("ROLLBACK", nil, nil); err == nil {
		return nil
	}
	return w.disconnect()
}

// translate makes SQLite's text of a query. Its one writer needs no row locks.
var translate = strings.NewReplacer(
	// OR ROLLBACK spares SQLite a copy of each page that it would need to undo one statement; any error undoes the transaction anyway.
	"INSERT INTO", "INSERT OR ROLLBACK INTO",
	" @lock", "", " @skip", "", " @try", "", "@delivery", "INDEXED BY delivery",
).Replace

// run executes a statement, and calls scan for each row that it returns. Each statement is kept compiled for the life of the
// connection. It runs without the caller's context: a caller whose context ends must not interrupt the others of its batch.
func (w *writer) run(s statement, text func() string, scan func(sqlstore.Row) error, args []any) (changed int64, err error) {
	stmt, compiled := w.statements[s]
	if !compiled {
		// SQLite would compile the statement anew for each value of LIMIT ?.
		query := strings.ReplaceAll(translate(text()), "LIMIT ?", "LIMIT 0 + ?")
		if stmt, err = w.conn.PrepareContext(context.Background(), query); err != nil {
			return 0, fmt.Errorf("prepare: %w", err)
		}
		w.statements[s] = stmt
	}
	if scan != nil {
		rows, err := stmt.Query(args...)
		if err != nil {
			return 0, err
		}
		return 0, each(rows, scan)
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	changed, err = result.RowsAffected()
	w.changed += changed
	return changed, err
}

// Run implements sqlstore.Statements.
func (w *writer) Run(query string, list any, scan func(sqlstore.Row) error, args ...any) (changed int64, err error) {
	if list == nil {
		return w.run(statement{query: query}, func() string { return query }, scan, args)
	}
	values := reflect.ValueOf(list)
	all := make([]any, values.Len())
	for i := range all {
		all[i] = values.Index(i).Interface()
	}
	err = inChunks(all, 1, func(chunk []any) error {
		text := func() string { return strings.Replace(query, "IN (*)", "IN "+tuple(len(chunk)), 1) }
		n, err := w.run(statement{query, len(chunk)}, text, scan, append(slices.Clone(args), chunk...))
		changed += n
		return err
	})
	return changed, err
}

// Repeat implements sqlstore.Statements.
func (w *writer) Repeat(query string, args [][]any, scan func(int, sqlstore.Row) error) error {
	for i, one := range args {
		w.changed++ // or it only reads
		if _, err := w.Run(query, nil, func(row sqlstore.Row) error { return scan(i, row) }, one...); err != nil {
			return err
		}
	}
	return nil
}

// Insert implements sqlstore.Statements.
func (w *writer) Insert(into sqlstore.Insert, args []any, scan func(sqlstore.Row) error) error {
	width := len(into.Types)
	return inChunks(args, width, func(chunk []any) error {
		rows := len(chunk) / width
		text := func() string {
			values := strings.Repeat(", "+tuple(width), rows)[2:]
			return "INSERT INTO " + into.Table + " VALUES " + values + " " + into.Tail
		}
		_, err := w.run(statement{into.Table, rows}, text, scan, chunk)
		w.changed += int64(rows)
		return err
	})
}

func tuple(width int) string { return "(?" + strings.Repeat(", ?", width-1) + ")" }

// inChunks hands out rows of arguments, up to 32 at a time: a statement for many rows costs a third of as many single ones. Few sizes
// are enough: a busy batch is mostly full chunks, and a quiet one is short.
func inChunks(args []any, width int, do func([]any) error) error {
	for _, rows := range []int{32, 8, 1} {
		for size := rows * width; len(args) >= size; args = args[size:] {
			if err := do(args[:size]); err != nil {
				return err
			}
		}
	}
	return nil
}
