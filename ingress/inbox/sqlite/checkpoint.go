package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// logSizes are sizes of the WAL in bytes, and what happens at each.
type logSizes struct {
	// checkpoint is about how many bytes are written before they are copied from the WAL to the file, beside the writer.
	checkpoint int64
	// restart is when the writer itself copies what is left and begins the WAL anew. Its disk space is kept, since writing over a file
	// syncs several times faster than making it longer.
	restart int64
	// keep is what is kept of a WAL that a reader has made longer.
	keep int64
	// warn is how many bytes a reader may keep from being copied before a warning is logged.
	warn int64
}

// usualLogSizes: with checkpoints after 4 MiB the slowest acknowledgements took three times as long.
var usualLogSizes = logSizes{checkpoint: 24 << 20, restart: 48 << 20, keep: 64 << 20, warn: 128 << 20}

// checkpointer copies the WAL into the file while the writer goes on. SQLite's automatic checkpoint would run inside a commit and delay every
// caller of that commit.
type checkpointer struct {
	// db is the readers': a checkpoint changes nothing that they could see.
	db      *sql.DB
	logger  *zap.Logger
	warn    int64
	running atomic.Bool
	ends    sync.WaitGroup
}

// start begins a checkpoint, unless one is under way.
func (c *checkpointer) start() {
	if c.running.CompareAndSwap(false, true) {
		c.ends.Go(c.run)
	}
}

func (c *checkpointer) run() {
	defer c.running.Store(false)
	var busy, pages, copied int64
	// PASSIVE waits for no reader and copies as much as they allow.
	err := c.db.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
	switch {
	case err != nil:
		// It costs disk space, no data.
		c.logger.Warn("inbox log could not be copied into the file", zap.Error(err))
	case (pages-copied)*pageSize > c.warn:
		c.logger.Warn("inbox WAL grows: another program reads an old snapshot of the file; end that program, and the WAL shrinks again",
			zap.Int64("log_bytes", pages*pageSize), zap.Int64("held_bytes", (pages-copied)*pageSize))
	}
}
