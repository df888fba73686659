//go:build !linux

package torture

import (
	"os"
	"os/exec"
)

// runs says that torture does not run here.
const runs = false

func bind(*exec.Cmd)                            {}
func pauseProcess(*os.Process) error            { return errLinux }
func resumeProcess(*os.Process) error           { return errLinux }
func askToStop(*os.Process) error               { return errLinux }
func childrenOf(int) []int                      { return nil }
func gone([]int) error                          { return errLinux }
func pauseChildren([]int) (func() error, error) { return nil, errLinux }
func boundFiles(*os.Process, int64) error       { return errLinux }
func unboundFiles(*os.Process) error            { return errLinux }
