package dev_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// A new user's ten minutes with their own Temporal server: built binaries, and the commands that signalbox-sim prints.
func TestTheCommandsThatSignalboxSimPrintsBringACaseToItsEnd(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", folder, "../../../signalbox", "../../../signalbox-sim")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	temporal, err := temporaldev.Start(t.Context(), temporaldev.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	address := freeAddress(t)

	shell := func(script string) *exec.Cmd {
		command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
		command.Dir = folder
		command.Env = []string{
			"HOME=" + folder, "PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH"),
			"TEMPORAL_ADDRESS=" + temporal.FrontendAddr(), "SIGNALBOX_INTERNAL_LISTEN=" + freeAddress(t),
		}
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		testenv.KillWithParent(command)
		return command
	}
	stop := func(command *exec.Cmd) error {
		if err := syscall.Kill(-command.Process.Pid, syscall.SIGTERM); err != nil {
			return err
		}
		return waitFor(command)
	}

	simulators := shell("exec signalbox-sim --listen 127.0.0.1:0 --pace 100ms --public-url http://" + address)
	said, err := simulators.StdoutPipe()
	require.NoError(t, err)
	simulators.Stderr = os.Stderr
	require.NoError(t, simulators.Start())
	guide, last := "", ""
	for lines := bufio.NewScanner(said); (!strings.HasPrefix(last, "signalbox case wait ") || strings.HasSuffix(last, " --question")) && lines.Scan(); {
		last = lines.Text()
		guide += last + "\n"
	}
	sections := strings.Split(guide, "\n\n")
	require.Len(t, sections, 3, guide)
	defer func() { require.NoError(t, stop(simulators), "it stops cleanly") }()
	offload := regexp.MustCompile(`(?m)^# +Offload +(http://\S+)$`).FindStringSubmatch(guide)
	require.NotNil(t, offload, guide)
	stories.Attend(t.Context(), appsOf(t, temporal), stories.Elsewhere(offload[1]))

	serve := shell(sections[1])
	log, err := os.Create(filepath.Join(folder, "serve.log"))
	require.NoError(t, err)
	serve.Stdout, serve.Stderr = log, log
	require.NoError(t, serve.Start())
	defer func() {
		_ = stop(serve) // the shell ends by the signal, too
		if t.Failed() {
			told, _ := os.ReadFile(log.Name())
			t.Logf("signalbox serve:\n%s", told)
		}
	}()
	eventuallyReady(t, "http://"+address+"/readyz")

	output, err = shell(sections[2]).CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "whether a signed PDF is acceptable")
	require.Contains(t, string(output), string(workflows.CaseCompleted))
	require.Contains(t, string(output), string(workflows.NewsByWebhook))

	// The printed secret is the one that the agent's events are signed with.
	_, artmail, _ := strings.Cut(sections[0], "Artmail   ")
	artmail, _, _ = strings.Cut(artmail, ",")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, artmail+"/sim/agents/demo-agent/activate", nil)
	require.NoError(t, err)
	response, err := providers.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	var activation struct{ ActivationID string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&activation))
	require.Eventually(t, func() bool {
		output, err = shell("signalbox activation show demo-agent " + activation.ActivationID).CombinedOutput()
		return err == nil && strings.Contains(string(output), string(workflows.ActivationActive))
	}, processWithin, 50*time.Millisecond, artmail)
}
