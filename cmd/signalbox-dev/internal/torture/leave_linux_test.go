package torture

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// The processes of a run must not outlive it, however it ends: they would go on to hold ports, memory and the processor.
func TestARunThatIsEndedLeavesNoProcessBehind(t *testing.T) {
	for name, with := range map[string]struct {
		signal os.Signal
		// well says that the run could clean up by itself.
		well bool
		// inbox is its kind.
		inbox string
		// stopped says that it ends while PostgreSQL is stopped.
		stopped bool
	}{
		"interrupted":                            {os.Interrupt, true, inboxSQLite, false},
		"killed":                                 {syscall.SIGKILL, false, inboxSQLite, false},
		"interrupted with PostgreSQL":            {os.Interrupt, true, inboxPostgres, false},
		"killed with PostgreSQL":                 {syscall.SIGKILL, false, inboxPostgres, false},
		"killed while its PostgreSQL is stopped": {syscall.SIGKILL, false, inboxPostgres, true},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := []string{"torture", "--events", "2000", "--kills", "1", "--seed", "1", "--inbox", with.inbox}
			if with.inbox == inboxPostgres {
				pgtest.Demand(t, pgserver.Installed())
			}
			if with.stopped {
				// One fault follows the other.
				arguments = append(arguments, "--events", "20", "--kills", "200")
			}
			run := exec.Command(os.Args[0], arguments...)
			progress, err := run.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, run.Start())
			folder := ""
			lines := bufio.NewScanner(progress)
			for lines.Scan() {
				if name, ok := strings.CutPrefix(lines.Text(), filesOfTheRun); ok {
					folder = name
				}
				if strings.HasPrefix(lines.Text(), "seed 1:") {
					break
				}
			}
			require.NotEmpty(t, folder)
			t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
			if with.stopped {
				require.Eventually(t, func() bool { return postgresIsStopped(t, folder) }, 5*time.Minute, time.Millisecond)
			} else {
				require.GreaterOrEqual(t, len(runningIn(t, folder)), len(Options{Inbox: with.inbox}.roles()))
			}

			require.NoError(t, run.Process.Signal(with.signal))
			for lines.Scan() { //nolint:revive // until it has nothing more to say
			}
			require.Error(t, run.Wait(), "it did not come to its end")
			if with.well {
				require.Empty(t, runningIn(t, folder), "a run waits for the end of its processes")
			}
			require.Eventually(t, func() bool { return len(runningIn(t, folder)) == 0 }, 5*time.Minute, 20*time.Millisecond)
		})
	}
}

// postgresIsStopped says whether a process that PostgreSQL's first one has started is stopped.
func postgresIsStopped(t *testing.T, folder string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, inboxPostgres, "data", "postmaster.pid"))
	if err != nil {
		return false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	first, err := strconv.Atoi(line)
	if err != nil {
		return false
	}
	for _, child := range childrenOf(first) {
		if state, _ := standingOf(child); state == "T" {
			return true
		}
	}
	return false
}

func TestARunThatCanNotBeSetUpLeavesNoProcessBehind(t *testing.T) {
	o := short(t, 1)
	// The ingress never answers: it plays the worker.
	o.instead = map[role]role{roleIngress: roleWorker}
	o.readyWithin = time.Second
	folder := ""
	o.Progress = writer(func(b []byte) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(b)), filesOfTheRun); ok {
			folder = name
		}
	})
	_, err := Run(t.Context(), o)
	// On a slow machine Temporal isn't ready by then either.
	require.ErrorContains(t, err, "is not ready")
	require.NotEmpty(t, folder)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.Empty(t, runningIn(t, folder))
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
