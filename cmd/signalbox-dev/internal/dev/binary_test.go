package dev_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows"
)

// The production binary as a stranger runs it: built, given its settings by the environment, and stopped by a signal.
func TestTheProductionBinarySetsUpServesAndStops(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	binary := filepath.Join(folder, "signalbox")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", binary, "../../../signalbox")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	info, err := os.Stat(binary)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(60<<20), "the lean binary stays lean")

	temporal, err := temporaldev.Start(t.Context(), temporaldev.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	offload, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: "key-1", Owner: "test"}}, Pace: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, offload.Close()) })
	provider := httptest.NewServer(offload)
	t.Cleanup(provider.Close)
	address := freeAddress(t)

	run := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		command := exec.CommandContext(t.Context(), binary, args...)
		command.Dir = folder
		command.Env = []string{
			"HOME=" + folder,
			"TEMPORAL_ADDRESS=" + temporal.FrontendAddr(),
			"SIGNALBOX_KEYRING=keys.json",
			"SIGNALBOX_LISTEN=" + address,
			"SIGNALBOX_PUBLIC_URL=http://" + address,
			"SIGNALBOX_OFFLOAD_BASE_URL=" + provider.URL,
			"SIGNALBOX_OFFLOAD_API_KEY=key-1",
		}
		var said bytes.Buffer
		command.Stdout, command.Stderr = &said, &said
		return command, &said
	}
	status := func(args ...string) (int, string) {
		command, said := run(args...)
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			require.NoError(t, err)
		}
		return command.ProcessState.ExitCode(), said.String()
	}

	code, said := status("keys", "create", "keys.json")
	require.Zero(t, code, said)
	code, said = status("worker")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "signalbox setup", "a worker refuses a namespace without search attributes and says what to do")
	code, said = status("setup")
	require.Zero(t, code, said)
	require.Contains(t, said, workflows.SearchAttributeState)
	code, said = status("setup")
	require.Zero(t, code, said)
	require.Contains(t, said, "already")

	serve, log := run("serve")
	require.NoError(t, serve.Start())
	exited := make(chan error, 1)
	go func() { exited <- serve.Wait() }()
	eventuallyReady(t, "http://"+address+"/readyz")

	for script, want := range map[string]struct {
		code   int
		status workflows.CaseStatus
	}{"complete": {0, workflows.CaseCompleted}, "fail": {5, workflows.CaseFailed}} {
		document := filepath.Join(folder, script+".json")
		require.NoError(t, os.WriteFile(document, fmt.Appendf(nil, `{"reference":"binary-%s","request":{"channel":"EMAIL",
			"goal":{"objective":"Obtain a signed W-9"},"counterparty":{"address":"%s@vendor.example","name":"Ada"},
			"senderPersona":{"name":"Grace"}}}`, script, script), 0o600))
		code, said = status("case", "start", "-f", document, "--wait", "--json")
		require.Equal(t, want.code, code, said)
		var outcome workflows.CaseOutcome
		require.NoError(t, json.NewDecoder(strings.NewReader(said)).Decode(&outcome), said)
		require.Equal(t, want.status, outcome.Status)
		require.Equal(t, workflows.NewsByWebhook, outcome.Source)
		require.Len(t, offload.CasesOf("binary-"+script), 1)
	}
	code, said = status("case", "show", "nobody")
	require.Equal(t, 3, code, said)

	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-exited:
		require.NoError(t, err, log.String())
	case <-time.After(20 * time.Second):
		require.Fail(t, "it did not stop", log.String())
	}
	require.NotContains(t, log.String(), "key-1")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}

func eventuallyReady(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		response, err := providers.Do(request)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond)
}
