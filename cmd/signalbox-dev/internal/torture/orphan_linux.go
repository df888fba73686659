package torture

import "syscall"

// childAttributes keep a terminal's Ctrl-C from the children, and let the system kill them, stopped ones too, when this process dies
// without having been able to.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
