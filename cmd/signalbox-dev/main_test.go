package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The command of the README plays the demonstration by itself, says what to open first and where the Web UI shows what, and ends with status 0.
func TestTheDemonstrationEndsByItself(t *testing.T) {
	t.Parallel()
	const anyPort = "127.0.0.1:0"
	data, err := os.MkdirTemp("", "signalbox-main-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	temporal, err := temporaldev.FreeAddress()
	require.NoError(t, err)
	connected, err := client.NewLazyClient(client.Options{HostPort: temporal, Logger: logging.ForTemporal(zap.NewNop())})
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	apps, err := signalbox.New(connected, signalbox.Options{})
	require.NoError(t, err)
	stories.Attend(t.Context(), apps, stories.Elsewhere{})
	var out, errOut strings.Builder
	status := run(t.Context(), []string{
		"--demo", "--exit", "--data", data, "--listen", anyPort, "--internal-listen", anyPort, "--temporal", temporal, "--ui", anyPort,
		"--simulators", anyPort, "--pace", "20ms",
	}, &out, &errOut)
	require.Equal(t, 0, status, "%s\n%s", out.String(), errOut.String())
	require.Regexp(t, `(?m)^  open first +http://127\.0\.0\.1:\d+/ `, out.String())
	ui := regexp.MustCompile(`(?m)^  Temporal UI +(http://\S+)$`).FindStringSubmatch(out.String())
	require.NotNil(t, ui, out.String())
	views := dev.Views(ui[1], "default")
	require.Len(t, views, 4)
	for _, view := range views {
		require.Regexp(t, `(?m)^  `+view.Name+` +`+regexp.QuoteMeta(view.URL)+`$`, out.String())
	}
}

func TestACommandLineThatCannotWorkIsRefusedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"it needs --demo":        {"--exit"},
		"an address of loopback": {"--internal-listen", "0.0.0.0:8081"},
		"unknown flag":           {"--nonsense"},
	} {
		var out, errOut strings.Builder
		require.Equal(t, 1, run(t.Context(), args, &out, &errOut))
		require.Contains(t, errOut.String(), says)
		require.Empty(t, out.String())
	}
}
