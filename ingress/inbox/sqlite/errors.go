package sqlite

import (
	"errors"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// ErrReplaced says that the inbox's file, or the log beside it, is not the one that was opened any more. What would be written
// now would be lost, so nothing is accepted until the process starts again.
var ErrReplaced = errors.New("the file was removed or replaced while it was open; restart this process")

// isOutage tells trouble of the disk or the file, which hits every write alike, from trouble that one caller's data makes.
func isOutage(err error) bool {
	switch primaryCode(err) {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_BUSY,
		lib.SQLITE_LOCKED, lib.SQLITE_NOMEM, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return true
	default:
		return errors.Is(err, ErrReplaced)
	}
}

// isBusy says that another connection writes.
func isBusy(err error) bool { return primaryCode(err) == lib.SQLITE_BUSY }

// primaryCode is SQLite's result code without its extension, 0 for any other error.
func primaryCode(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
