package dev_test

import (
	"os/exec"
	"syscall"
)

// bind has a process end with this one, also where that is killed.
func bind(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
