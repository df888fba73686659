package torture

import (
	"os/exec"
	"syscall"
)

// bind keeps a terminal's Ctrl-C from a child, and lets the system kill it, a stopped one too, when this process dies without having been
// able to.
func bind(child *exec.Cmd) {
	if child.SysProcAttr == nil {
		child.SysProcAttr = &syscall.SysProcAttr{}
	}
	child.SysProcAttr.Setpgid, child.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
}
