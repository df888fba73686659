package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/loadtest"
)

// Machine is what the figures were measured on, as far as it bounds them.
type Machine struct {
	GoVersion  string `json:"goVersion"`
	Processors int    `json:"processors"`
	// Others is how many processors other processes took, on average over the run; less than 0 where the system doesn't say.
	Others float64 `json:"processorsTakenByOthers"`
	// Sync is how long the disk takes to make 4 KiB durable, p50 in milliseconds, while nothing else is measured.
	Sync float64 `json:"syncMilliseconds"`
}

// newMachine writes and syncs over and over in one file of the folder.
func newMachine(folder string) (m Machine, err error) {
	file, err := os.Create(filepath.Join(folder, "sync"))
	if err != nil {
		return m, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	waits := make([]time.Duration, 50)
	page := make([]byte, 4<<10)
	for i := range waits {
		began := now()
		_, err := file.WriteAt(page, 0)
		if err := errors.Join(err, file.Sync()); err != nil {
			return m, fmt.Errorf("measure the disk: %w", err)
		}
		waits[i] = now().Sub(began)
	}
	slices.Sort(waits)
	return Machine{GoVersion: runtime.Version(), Processors: runtime.GOMAXPROCS(0), Sync: loadtest.Quantile(waits, 0.5)}, nil
}

// usage is how much processor time all processes and this one have used at a moment.
type usage struct {
	at       time.Time
	all, own time.Duration
	known    bool
}

// readUsage reads the first line of Linux's /proc/stat: user, nice, system, idle, iowait, irq, softirq, in hundredths of a second.
func readUsage() usage {
	u := usage{at: now(), own: loadtest.ProcessorTime()}
	content, err := os.ReadFile("/proc/stat")
	fields := strings.Fields(string(content))
	if err != nil || len(fields) < 8 || fields[0] != "cpu" {
		return u
	}
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return u
		}
		u.all += time.Duration(n) * 10 * time.Millisecond
	}
	u.known = true
	return u
}

// othersSince is how many processors others took between the two readings.
func (u usage) othersSince(before usage) float64 {
	if !u.known || !before.known {
		return -1
	}
	others := (u.all - before.all) - (u.own - before.own)
	return max(0, ratio(others.Seconds(), u.at.Sub(before.at).Seconds()))
}
