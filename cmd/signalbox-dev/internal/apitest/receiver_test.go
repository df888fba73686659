package apitest_test

import (
	"context"
	"net"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// startReceiver runs the README's receiver of notices on another port.
func startReceiver(t *testing.T) (prints *said, address string) {
	t.Helper()
	testenv.Program(t, "python3", "python3")
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	process := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-eu", "-c", "exec "+commandsOf(t, "receiver.sh", "8099", port))
	prints = &said{}
	process.Stdout, process.Stderr = prints, prints
	testenv.KillWithParent(process)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, process.Process.Kill())
		_ = process.Wait() // it was killed
	})
	return prints, address
}
