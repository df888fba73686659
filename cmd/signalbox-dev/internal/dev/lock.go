package dev

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

// lock keeps other instances from the folder until the lock is closed or the process ends. It is SQLite's lock on an empty database, because
// SQLite locks files on every system.
func (f folder) lock(ctx context.Context, name string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", filepath.Join(string(f), "lock.db"))
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	db.SetMaxOpenConns(1)
	pid := filepath.Join(string(f), "pid")
	if _, err = db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err == nil {
		err = os.WriteFile(pid, []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	if busy := (*sqlite.Error)(nil); errors.As(err, &busy) && busy.Code()&0xff == sqlite3.SQLITE_BUSY {
		other, _ := os.ReadFile(pid) // without it the error still says enough
		err = fmt.Errorf("%w: --data: another signalbox-dev (PID %s) uses %s: stop it, or give another folder", setting.ErrWrong, cmp.Or(string(other), "unknown"), name)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
