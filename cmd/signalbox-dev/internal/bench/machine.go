package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Machine is what the figures were measured on, as far as it bounds them.
type Machine struct {
	GoVersion  string `json:"goVersion"`
	Processors int    `json:"processors"`
	// Others is how many processors were taken by other processes, on average over the run; less than 0 where the system doesn't say.
	Others float64 `json:"processorsTakenByOthers"`
	// Sync is how long the disk takes to make 4 KiB durable, p50 in milliseconds, while nothing else is measured.
	Sync float64 `json:"syncMilliseconds"`
}

func (m Machine) others() string {
	if m.Others < 0 {
		return "(unknown)"
	}
	return strconv.FormatFloat(m.Others, 'f', 1, 64)
}

// timeSync writes and syncs over and over in one file.
func timeSync(folder string) (_ float64, err error) {
	const times = 50
	file, err := os.Create(filepath.Join(folder, "sync"))
	if err != nil {
		return 0, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	waits := make([]time.Duration, times)
	page := make([]byte, 4<<10)
	for i := range waits {
		began := now()
		if _, err := file.WriteAt(page, 0); err != nil {
			return 0, fmt.Errorf("measure the disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("measure the disk: %w", err)
		}
		waits[i] = now().Sub(began)
	}
	slices.Sort(waits)
	return milliseconds(quantile(waits, 0.5)), nil
}

// usage is a moment's reading of how much processor time everybody and this process have used.
type usage struct {
	at             time.Time
	everybody, own time.Duration
	known          bool
}

func readUsage() usage {
	u := usage{at: now(), own: processorTime()}
	u.everybody, u.known = everybodysTime()
	return u
}

// othersSince is how many processors others took between the two readings.
func (u usage) othersSince(before usage) float64 {
	if !u.known || !before.known {
		return -1
	}
	others := (u.everybody - before.everybody) - (u.own - before.own)
	return max(0, ratio(others.Seconds(), u.at.Sub(before.at).Seconds()))
}

// everybodysTime reads the first line of Linux's /proc/stat: user, nice, system, idle, iowait, irq, softirq, in hundredths of a second.
func everybodysTime() (time.Duration, bool) {
	const tick = 10 * time.Millisecond
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(content), "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0, false
	}
	var sum time.Duration
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * tick
	}
	return sum, true
}
