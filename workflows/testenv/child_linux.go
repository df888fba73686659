package testenv

import (
	"os/exec"
	"syscall"
)

// KillWithParent makes Linux kill the process of a command when this process ends, even if this process is killed.
func KillWithParent(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
