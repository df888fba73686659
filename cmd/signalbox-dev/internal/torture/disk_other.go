//go:build !linux

package torture

import (
	"errors"
	"os"
)

// disksFill says that a process's disk can be full here: only Linux lets one process limit another.
const disksFill = false

var errDisks = errors.New("torture fills disks on Linux only")

func boundFiles(*os.Process, int64) error { return errDisks }
func unboundFiles(*os.Process) error      { return errDisks }
