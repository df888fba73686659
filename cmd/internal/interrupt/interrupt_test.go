//go:build unix

package interrupt_test

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/interrupt"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// signalled is set in the process that gets the signals.
const signalled = "SIGNALBOX_TEST_SIGNALLED"

func TestMain(m *testing.M) {
	if testenv.Variable(signalled) != "" {
		signalMyself()
	}
	os.Exit(m.Run())
}

// signalMyself sends the second signal as early as anybody can know of the first.
func signalMyself() {
	ctx, _ := interrupt.Context(context.Background(), func(received os.Signal) bool { return received == os.Interrupt })
	for _, one := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := syscall.Kill(os.Getpid(), one); err != nil {
			panic(err)
		}
	}
	<-ctx.Done()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		panic(err)
	}
	<-time.After(time.Minute)
	os.Exit(0)
}

func TestTheSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		require.ErrorContains(t, testenv.Child(t, signalled+"=1").Run(), "terminated")
	}
}
