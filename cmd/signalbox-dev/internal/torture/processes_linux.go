package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// supported says that torture can run on this system. It reads /proc, limits the files of another process, and has children die with their parent.
const supported = true

// bind shields a child from the terminal's Ctrl-C. The system kills the child when this process dies, even if the child is stopped.
func bind(child *exec.Cmd) {
	if child.SysProcAttr == nil {
		child.SysProcAttr = &syscall.SysProcAttr{}
	}
	child.SysProcAttr.Setpgid, child.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
}

// Signals for one process, by its own handle. A process can handle only the last.
func pauseProcess(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
func askToStop(p *os.Process) error     { return p.Signal(syscall.SIGTERM) }

// childrenOf returns the running processes that a process has started: those of PostgreSQL, each in a separate process group.
func childrenOf(parent int) []int {
	// The pattern is well formed.
	folders, _ := filepath.Glob("/proc/[0-9]*")
	var children []int
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		if _, of := standingOf(pid); of == parent {
			children = append(children, pid)
		}
	}
	return children
}

// standingOf returns the one-letter state of a process in /proc, and its parent; empty if there is no such process.
func standingOf(pid int) (state string, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// Its name, in brackets, may hold anything.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const wanted = 2
	if len(fields) < wanted {
		return "", 0
	}
	parent, err = strconv.Atoi(string(fields[1]))
	if err != nil {
		return "", 0
	}
	return string(fields[0]), parent
}

// awaitEnd waits until the processes have ended. A zombie counts as ended.
func awaitEnd(children []int) error {
	const timeout, tick = 5 * time.Minute, 5 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for _, pid := range children {
		for state, _ := standingOf(pid); state != "" && state != "Z" && state != "X"; state, _ = standingOf(pid) {
			if ctx.Err() != nil {
				return fmt.Errorf("process %d outlives the one that started it", pid)
			}
			wait(ctx, tick)
		}
	}
	return nil
}

// pauseChildren stops processes that are not our own children, until release. If this process is killed, the system kills its
// child but not these, and they would stay stopped for ever. So a shell continues them when its input ends.
func pauseChildren(children []int) (release func() error, err error) {
	if len(children) == 0 {
		return func() error { return nil }, nil
	}
	arguments := []string{"-c", `read _; kill -CONT "$@" 2>/dev/null; true`, "sh"}
	for _, pid := range children {
		arguments = append(arguments, strconv.Itoa(pid))
	}
	shell := exec.Command("sh", arguments...)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var hold io.Closer
	if hold, err = shell.StdinPipe(); err == nil {
		err = shell.Start()
	}
	if err != nil {
		return nil, err
	}
	release = func() error { return errors.Join(hold.Close(), shell.Wait()) }
	for _, pid := range children {
		// One that has ended meanwhile needs no pause.
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, errors.Join(err, release())
		}
	}
	return release, nil
}

// limitFileSize limits the size of the files that the process writes, until unlimitFileSize. It simulates a full disk, or a read-only one with
// limit 0, for this process only and without privileges. A write fails with EFBIG instead of ENOSPC or EROFS; SQLite rolls the transaction back
// in each case.
func limitFileSize(p *os.Process, bytes int64) error {
	return setFileLimit(p, func(l *unix.Rlimit) { l.Cur = uint64(bytes) })
}

// unlimitFileSize gives the process its disk back.
func unlimitFileSize(p *os.Process) error {
	return setFileLimit(p, func(l *unix.Rlimit) { l.Cur = l.Max })
}

func setFileLimit(p *os.Process, change func(*unix.Rlimit)) error {
	var limit unix.Rlimit
	err := unix.Prlimit(p.Pid, unix.RLIMIT_FSIZE, nil, &limit)
	if err == nil {
		change(&limit)
		err = unix.Prlimit(p.Pid, unix.RLIMIT_FSIZE, &limit, nil)
	}
	if err != nil {
		return fmt.Errorf("limit the size of files: %w", err)
	}
	return nil
}
