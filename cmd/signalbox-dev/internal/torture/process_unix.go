//go:build unix

package torture

import (
	"os"
	"syscall"
)

// Signals for one process, by its own handle. None of them can be caught.
func pauseProcess(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resumeProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// askToStop asks for a graceful end.
func askToStop(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
