package torture

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The processes of a run must not outlive it, however it ends: they would go on to hold ports, memory and the processor.
func TestARunThatIsEndedLeavesNoProcessBehind(t *testing.T) {
	for name, with := range map[string]struct {
		signal os.Signal
		// well says that the run could clean up by itself.
		well bool
	}{
		"interrupted": {os.Interrupt, true},
		"killed":      {syscall.SIGKILL, false},
	} {
		t.Run(name, func(t *testing.T) {
			run := exec.Command(os.Args[0], "torture", "--events", "2000", "--kills", "1", "--seed", "1")
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
			require.Len(t, runningIn(t, folder), len(roles))

			require.NoError(t, run.Process.Signal(with.signal))
			for lines.Scan() { //nolint:revive // until it has nothing more to say
			}
			require.Error(t, run.Wait(), "it did not come to its end")
			if with.well {
				require.Empty(t, runningIn(t, folder), "a run waits for the end of its processes")
			}
			require.Eventually(t, func() bool { return len(runningIn(t, folder)) == 0 }, 20*time.Second, 20*time.Millisecond)
		})
	}
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
	require.ErrorContains(t, err, "ingress is not of use")
	require.NotEmpty(t, folder)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.Empty(t, runningIn(t, folder))
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
