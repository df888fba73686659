package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// walSizes are limits in bytes for the WAL.
type walSizes struct {
	// checkpoint: after at most about so many bytes, a checkpoint starts that copies the WAL to the file while the writer goes on.
	checkpoint int64
	// restart: at this size the writer itself copies the rest (wal_autocheckpoint) and writes the WAL from its beginning again. The WAL
	// file keeps its size, because overwriting a file syncs several times faster than extending it.
	restart int64
	// keep: a WAL that grew larger because of a reader is cut to this size (journal_size_limit). Until then a checkpoint starts each second.
	keep int64
	// warn: if a reader prevents the copying of more bytes than this, a warning is logged.
	warn int64
}

// usualWALSizes: with checkpoints after 4 MiB the slowest acknowledgements took three times as long.
var usualWALSizes = walSizes{checkpoint: 24 << 20, restart: 48 << 20, keep: 64 << 20, warn: 128 << 20}

// checkpointer copies the WAL into the file while the writer goes on. SQLite's automatic checkpoint would run inside a commit and delay every
// caller of that commit.
type checkpointer struct {
	// db is the readers' pool. A checkpoint does not change what readers see.
	db      *sql.DB
	logger  *zap.Logger
	log     walSizes
	running atomic.Bool
	// caughtUp: the last checkpoint left at most walSizes.restart to copy. A reader may prevent that, and until it is so again the writer copies
	// nothing: the commit after the end of the reader would copy it all.
	caughtUp atomic.Bool
	ends     sync.WaitGroup
}

// empty copies the whole WAL into the file and empties it. It fails with inbox.ErrBusy if a reader prevents that for some five seconds. While it
// waits for a reader no connection can write, so it waits only for 50 ms at a time.
func (c *checkpointer) empty(ctx context.Context) error {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return err
	}
	// The pool must not keep a connection with this timeout.
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	_, err = conn.ExecContext(ctx, "PRAGMA busy_timeout = 50")
	for range 20 {
		var busy, pages, copied int64
		if err == nil {
			err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &copied)
		}
		if err != nil || busy == 0 {
			return err
		}
		<-time.After(200 * time.Millisecond)
	}
	return fmt.Errorf("%w: the WAL is in use and still has what was erased: repeat the erasure", inbox.ErrBusy)
}

// start begins a checkpoint, unless one is under way. It warns only when the WAL has grown.
func (c *checkpointer) start(grown bool) {
	if !c.running.CompareAndSwap(false, true) {
		return
	}
	c.ends.Go(func() {
		defer c.running.Store(false)
		var busy, pages, copied int64
		// PASSIVE waits for no reader and copies as much as they allow.
		err := c.db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
		held := (pages - copied) * pageSize
		if err == nil && busy == 0 { // busy: another process copies
			c.caughtUp.Store(held <= c.log.restart)
		}
		switch {
		case err != nil: // the WAL grows, but no data is lost
			c.logger.Warn("inbox WAL checkpoint failed", zap.Error(err))
		case grown && held > c.log.warn:
			c.logger.Warn("inbox WAL grows: another program reads an old snapshot of the file; end that program, and the WAL shrinks again",
				zap.Int64("log_bytes", pages*pageSize), zap.Int64("held_bytes", held))
		}
	})
}
