package torture

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// disksFill says that a process's disk can be full here.
const disksFill = true

// boundFiles lets the process write no file beyond so many bytes, from now on and until unboundFiles: a disk that is full, or read-only where
// nothing may be written, for this process alone and without any privilege. The error that a write gets is EFBIG where a disk's is ENOSPC
// or EROFS; SQLite fails and undoes the transaction all the same.
func boundFiles(p *os.Process, bytes int64) error {
	return limitFiles(p, func(l *unix.Rlimit) { l.Cur = uint64(bytes) })
}

// unboundFiles gives the process its disk back.
func unboundFiles(p *os.Process) error {
	return limitFiles(p, func(l *unix.Rlimit) { l.Cur = l.Max })
}

func limitFiles(p *os.Process, change func(*unix.Rlimit)) error {
	var limit unix.Rlimit
	err := unix.Prlimit(p.Pid, unix.RLIMIT_FSIZE, nil, &limit)
	if err == nil {
		change(&limit)
		err = unix.Prlimit(p.Pid, unix.RLIMIT_FSIZE, &limit, nil)
	}
	if err != nil {
		return fmt.Errorf("limit files: %w", err)
	}
	return nil
}
