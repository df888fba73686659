//go:build !linux

package torture

import (
	"os"
	"os/exec"
)

// supported says that torture can't run on this system.
const supported = false

func bind(*exec.Cmd)                            {}
func pauseProcess(*os.Process) error            { return errLinux }
func resumeProcess(*os.Process) error           { return errLinux }
func askToStop(*os.Process) error               { return errLinux }
func childrenOf(int) []int                      { return nil }
func awaitEnd([]int) error                      { return errLinux }
func pauseChildren([]int) (func() error, error) { return nil, errLinux }
func limitFileSize(*os.Process, int64) error    { return errLinux }
func unlimitFileSize(*os.Process) error         { return errLinux }
