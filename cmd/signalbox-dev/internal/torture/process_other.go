//go:build !unix

package torture

import (
	"errors"
	"os"
)

var errSignals = errors.New("torture needs a Unix system: it stops processes with SIGSTOP")

func pauseProcess(*os.Process) error  { return errSignals }
func resumeProcess(*os.Process) error { return errSignals }
func askToStop(*os.Process) error     { return errSignals }
