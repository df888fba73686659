package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// writer owns the only connection that writes. After openWriter only the committing goroutine
// uses it, so it needs no lock.
type writer struct {
	db          *sql.DB
	conn        *sql.Conn
	stmt        map[string]*sql.Stmt
	checkpoints *checkpointer
	keys        *keys
	// written is about how many bytes went into the WAL since the last checkpoint was asked for.
	written int64
	// sequence is the last one given out. A gap after a rollback is harmless.
	sequence int64
}

// job is one caller's write.
type job struct {
	// rows are appended together with those of all other jobs of the batch.
	rows []*row
	// work does any other write. What it finds wrong with the request goes into refusal: an
	// error would undo the whole batch.
	work    func(*tx) error
	refusal error
	// size is about how many bytes it writes, at least one page.
	size int64
	// committed runs once the batch is on disk.
	committed func()
}

func openWriter(ctx context.Context, path string) (_ *writer, err error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{
		"_auto_vacuum":  {"INCREMENTAL"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_pragma": {
			"cache_size(-" + strconv.Itoa(writerCache>>10) + ")",
			"wal_autocheckpoint(" + strconv.Itoa(restartPages) + ")",
			// Copies for undoing one statement stay off the disk.
			"temp_store(MEMORY)",
		},
	}))
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: open: %w", err)
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db, keys: newKeys()}
	if err = migrate(ctx, db); err == nil {
		err = w.connect(ctx)
	}
	if err == nil {
		w.checkpoints, err = openCheckpointer(path)
	}
	if err == nil {
		// Where all deliveries are gone, the lap knows how far they went.
		err = w.conn.QueryRowContext(ctx, "SELECT max(until, (SELECT coalesce(max(sequence), 0) FROM delivery)) FROM key_lap").Scan(&w.sequence)
	}
	if err == nil {
		err = w.keys.read(ctx, w.conn)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite inbox: open: %w", err), w.close())
	}
	return w, nil
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	w.conn, w.stmt = conn, map[string]*sql.Stmt{}
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

// commit writes a batch in one transaction. Where one job's data is at fault, each job gets a
// transaction of its own, so that it fails alone; an outage fails the batch as it is.
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
			return fmt.Errorf("sqlite inbox: %w", err)
		}
	}
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return errors.Join(fmt.Errorf("sqlite inbox: begin: %w", err), w.rollback())
	}
	t := &tx{writer: w, counts: map[inbox.State]int64{}, added: map[key]int64{}, lap: w.keys.lap}
	err := t.apply(batch)
	if err == nil {
		_, err = w.exec("COMMIT")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("sqlite inbox: write: %w", err), w.rollback())
	}
	w.keys.committed(t)
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

// rollback leaves no transaction behind. SQLite has ended it already after some errors, and then
// refuses; a new connection is the sure way out of that and of anything worse.
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

// prepare keeps each statement compiled for the life of the connection. Writes run without the
// caller's context: a caller that leaves must not interrupt the others of its batch.
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
