//go:build !linux

package testenv

import "os/exec"

// KillWithParent does nothing: only Linux kills a process together with its parent.
func KillWithParent(*exec.Cmd) {}
