//go:build unix

package interrupt_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/interrupt"
)

// child is set in the process that gets the signals.
const child = "SIGNALBOX_TEST_INTERRUPTED"

func TestTheSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	if os.Getenv(child) != "" {
		ctx, _ := interrupt.Context(t.Context(), func(received os.Signal) bool { return received == os.Interrupt })
		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, self.Signal(os.Interrupt))
		require.NoError(t, self.Signal(syscall.SIGTERM))
		<-ctx.Done()
		// The second one comes as early as somebody can know of the first.
		require.NoError(t, self.Signal(syscall.SIGTERM))
		<-time.After(time.Minute)
		os.Exit(0)
	}
	t.Parallel()
	for range 20 {
		//nolint:gosec // this test itself
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), child+"=1")
		said, err := command.CombinedOutput()
		require.ErrorContains(t, err, "terminated", string(said))
	}
}
