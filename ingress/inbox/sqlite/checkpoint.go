package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
)

const (
	// pageSize is SQLite's default. A row costs about one page: its place in the index of keys.
	pageSize = 4096
	// checkpointAfter is about how much is written before it is copied from the WAL to the file.
	checkpointAfter = 4 << 20
	// restartPages is when the writer itself copies what is left and begins the WAL anew: at most
	// about 20 MiB of WAL, whose disk space is kept, since writing over a file syncs several times
	// faster than making it longer.
	restartPages = 4096
)

// checkpointer copies the WAL into the file beside the writer. Left to SQLite, some unlucky
// commit would do it, and all who wait for that commit with it.
type checkpointer struct {
	db      *sql.DB
	wanted  chan struct{}
	stopped chan struct{}
	// failed is the last failure, nil after a success: a checkpoint that fails costs disk space,
	// no data, so it is reported at Close only.
	failed atomic.Pointer[error]
}

func openCheckpointer(path string) (*checkpointer, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"_synchronous": {"FULL"}}))
	if err != nil {
		return nil, fmt.Errorf("sqlite inbox: open for checkpoints: %w", err)
	}
	db.SetMaxOpenConns(1)
	c := &checkpointer{db: db, wanted: make(chan struct{}, 1), stopped: make(chan struct{})}
	go c.run()
	return c, nil
}

// want asks for a checkpoint soon.
func (c *checkpointer) want() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// close ends the goroutine; want must not be called any more.
func (c *checkpointer) close() error {
	close(c.wanted)
	<-c.stopped
	err := c.db.Close()
	if failed := c.failed.Load(); failed != nil {
		err = errors.Join(*failed, err)
	}
	return err
}

func (c *checkpointer) run() {
	defer close(c.stopped)
	for range c.wanted {
		// PASSIVE waits for nobody and copies as much as readers allow.
		_, err := c.db.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
		if err != nil {
			err = fmt.Errorf("sqlite inbox: checkpoint: %w", err)
			c.failed.Store(&err)
			continue
		}
		c.failed.Store(nil)
	}
}
