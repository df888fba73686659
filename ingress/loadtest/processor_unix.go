//go:build unix

package loadtest

import (
	"syscall"
	"time"
)

// ProcessorTime is what this process has used, all threads together; 0 where the system does not say.
func ProcessorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
