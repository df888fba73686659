//go:build !linux

package torture

import "syscall"

// childAttributes are the system's own here: a child whose parent has died notices by the end of its standard input.
func childAttributes() *syscall.SysProcAttr { return nil }
