package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The command of the README plays the demonstration by itself, says what to open first and where the Web UI shows what, and ends with status 0.
func TestTheDemonstrationEndsByItself(t *testing.T) {
	t.Parallel()
	// On a busy machine a creation may become uncertain, which the scene does not provide for. Then the demonstration is played again.
	const tries = 3
	for try := 1; ; try++ {
		data, out, err := playDemonstration(t)
		if err != nil {
			require.Less(t, try, tries, err)
			continue
		}
		require.True(t, strings.HasSuffix(out, "\nAll 5 ended as they should.\n\nStopped; data in "+data+"\n"), out)
		require.Regexp(t, `(?m)^  open first +http://127\.0\.0\.1:\d+/ `, out)
		ui := regexp.MustCompile(`(?m)^  Temporal UI +(http://\S+)$`).FindStringSubmatch(out)
		require.NotNil(t, ui, out)
		views := dev.Views(ui[1], "default")
		require.Len(t, views, 4)
		for _, view := range views {
			require.Regexp(t, `(?m)^  `+view.Name+` +`+regexp.QuoteMeta(view.URL)+`$`, out)
		}
		return
	}
}

// playDemonstration runs the command in a new folder, and returns what it prints. The error shows a status other than 0.
func playDemonstration(t *testing.T) (data, printed string, failed error) {
	t.Helper()
	const anyPort = "127.0.0.1:0"
	data, err := os.MkdirTemp("", "signalbox-main-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	temporal, err := setting.FreeAddress()
	require.NoError(t, err)
	simulators, err := setting.FreeAddress()
	require.NoError(t, err)
	connected, err := client.NewLazyClient(client.Options{HostPort: temporal, Logger: logging.ForTemporal(zap.NewNop())})
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	apps, err := signalbox.New(connected, signalbox.Options{})
	require.NoError(t, err)
	attending, leave := context.WithCancel(t.Context())
	defer leave()
	stories.Attend(attending, apps, stories.Elsewhere("http://"+simulators+"/offload"))
	var out, errOut strings.Builder
	status := run(t.Context(), []string{
		"--demo", "--exit", "--data", data, "--listen", anyPort, "--internal-listen", anyPort, "--temporal", temporal, "--ui", anyPort,
		"--simulators", simulators, "--pace", "20ms",
	}, &out, &errOut)
	if status != 0 {
		failed = fmt.Errorf("status %d: %s\n%s", status, out.String(), errOut.String())
	}
	return data, out.String(), failed
}

// stopsAfter ends the context once a text has been written.
type stopsAfter struct {
	strings.Builder
	text string
	stop context.CancelFunc
}

func (s *stopsAfter) Write(p []byte) (int, error) {
	n, err := s.Builder.Write(p)
	if strings.Contains(s.String(), s.text) {
		s.stop()
	}
	return n, err
}

func TestAStopInTheMiddleOfTheDemonstrationIsNoFailure(t *testing.T) {
	t.Parallel()
	const anyPort = "127.0.0.1:0"
	data := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := stopsAfter{text: "case demo-question-", stop: stop}
	var errOut strings.Builder
	require.Zero(t, run(ctx, []string{
		"--demo", "--data", data, "--listen", anyPort, "--internal-listen", anyPort, "--temporal", anyPort, "--ui", "", "--simulators", anyPort, "--pace", "1h",
	}, &out, &errOut), errOut.String())
	require.True(t, strings.HasSuffix(out.String(), `

Stopped before the demonstration ended; running workflows continue at the next start.

Stopped; data in `+data+"\n"), out.String())
	require.NotContains(t, out.String(), "NOT end as it should")
	for line := range strings.Lines(errOut.String()) {
		require.Contains(t, line, "\ttemporal-server\t", "the server alone may log, on a busy machine")
	}
}

func TestAStopBeforeTheDemonstrationIsNoEndAsItShould(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	const anyPort = "127.0.0.1:0"
	var out, errOut strings.Builder
	require.Equal(t, 1, run(ctx, []string{
		"--demo", "--exit", "--data", t.TempDir(), "--listen", anyPort, "--internal-listen", anyPort, "--temporal", anyPort, "--ui", "", "--simulators", anyPort,
	}, &out, &errOut))
	require.Contains(t, errOut.String(), "stopped before the demonstration ended")
}

func TestACommandLineThatCannotWorkIsRefusedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	const anyPort = "127.0.0.1:0"
	busy := "another process listens on " + taken.Addr().String() + ": stop it, or give another address"
	for says, args := range map[string][]string{
		"it needs --demo":    {"--exit"},
		"a loopback address": {"--internal-listen", "0.0.0.0:8081"},
		"unknown flag: --nonsense\nsee `signalbox-dev --help`":                    {"--nonsense"},
		"unknown flag: --demmo: did you mean --demo?\nsee `signalbox-dev --help`": {"--demmo"},
		"unknown command \"demo\"":                                                {"demo"},
		"--data: name a folder":                                                   {"--data", ""},
		"--data: want a folder that can be written":                               {"--data", "/dev/null"},
		"--callback: want NAME=URL":                                               {"--callback", "=http://127.0.0.1:8099"},
		"--callback: want NAME=URL, as in finance=http://127.0.0.1:8099\n":        {"--callback", "http"},
		"--callback: the URL of finance: want an absolute URL":                    {"--callback", "finance=127.0.0.1:8099"},
		"log level": {"--log-level", "loud"},
		"--listen: listen tcp: address 8080: missing port in address: want an address of this machine, such as 127.0.0.1:8080": {"--listen", "8080"},
		"--listen: " + busy:          {"--listen", taken.Addr().String()},
		"--internal-listen: " + busy: {"--internal-listen", taken.Addr().String()},
		"--simulators: " + busy:      {"--simulators", taken.Addr().String()},
		"--temporal: " + busy:        {"--temporal", taken.Addr().String()},
		"--ui: " + busy:              {"--ui", taken.Addr().String()},
		"--offload-call: failure \"reset-after\" of \"creat\"": {"--offload-call", "reset-after:creat", "--listen", taken.Addr().String()},
	} {
		var out, errOut strings.Builder
		free := []string{"--data", t.TempDir(), "--listen", anyPort, "--internal-listen", anyPort, "--temporal", anyPort, "--ui", anyPort, "--simulators", anyPort}
		require.Equal(t, 2, run(t.Context(), append(free, args...), &out, &errOut), says)
		require.Contains(t, errOut.String(), says)
		require.Empty(t, out.String())
	}
}
