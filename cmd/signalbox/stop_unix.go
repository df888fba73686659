//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreStop makes Ctrl-Z do nothing: a process that is stopped within a transaction keeps a SQLite file locked, and webhooks get 503.
func ignoreStop() { signal.Ignore(syscall.SIGTSTP) }
