package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// processWithin bounds every wait for what a process does.
const processWithin = 5 * time.Minute

// The production binary as a stranger runs it: built, given its settings by the environment, and stopped by a signal.
func TestTheProductionBinarySetsUpServesAndStops(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	binary := productionBinary(t)

	temporal, err := temporaldev.Start(t.Context(), temporaldev.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, temporal.Stop()) })
	apps := appsOf(t, temporal)
	offload, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: "key-1", Owner: "test"}}, Pace: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, offload.Close()) })
	attending, leave := context.WithCancel(t.Context())
	defer leave()
	stories.Attend(attending, apps, offload)
	// hold keeps the next creation waiting until its channel is closed.
	var hold atomic.Pointer[chan struct{}]
	var holding atomic.Bool
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := hold.Load(); wait != nil && r.Method == http.MethodPost {
			holding.Store(true)
			<-*wait
		}
		offload.ServeHTTP(w, r)
	}))
	t.Cleanup(provider.Close)
	address, internal := freeAddress(t), freeAddress(t)

	run := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		command := exec.CommandContext(t.Context(), binary, args...)
		command.Dir = folder
		testenv.KillWithParent(command)
		command.Env = []string{
			"HOME=" + folder,
			"TEMPORAL_ADDRESS=" + temporal.FrontendAddr(),
			"SIGNALBOX_KEYRING=keys.json",
			"SIGNALBOX_LISTEN=" + address,
			"SIGNALBOX_INTERNAL_LISTEN=" + internal,
			"SIGNALBOX_DRAIN_DELAY=30s",
			"SIGNALBOX_LOG_FORMAT=console",
			"TEMPORAL_WORKER_BUILD_ID=build-1",
			"SIGNALBOX_PUBLIC_URL=http://" + address,
			"SIGNALBOX_OFFLOAD_BASE_URL=" + provider.URL,
			"SIGNALBOX_OFFLOAD_API_KEY=key-1",
		}
		var said bytes.Buffer
		command.Stdout, command.Stderr = &said, &said
		return command, &said
	}
	once := func(args ...string) (int, string) {
		command, said := run(args...)
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			require.NoError(t, err)
		}
		return command.ProcessState.ExitCode(), said.String()
	}
	// A command that had no answer in its time is repeated.
	status := func(args ...string) (code int, said string) {
		testenv.Eventually(t, func(context.Context) (int, error) {
			code, said = once(args...)
			return code, nil
		}, func(code int) bool { return code != unavailable })
		return code, said
	}

	code, said := status("keys", "create", "keys.json")
	require.Zero(t, code, said)

	// Search attributes and a current version are missing: webhooks are accepted, and /readyz names each problem with its fix.
	serve, log := run("serve")
	require.NoError(t, serve.Start())
	exited := make(chan error, 1)
	go func() { exited <- serve.Wait() }()
	t.Cleanup(func() { _ = serve.Process.Kill() })
	eventuallyReady(t, "http://"+address+"/readyz")
	require.Contains(t, eventuallyReports(t, internal, "search_attributes", false), "signalbox setup")
	require.Equal(t, 401, statusOf(t, "http://"+address+"/webhooks/offload/a/b"), "it receives")
	code, said = status("setup")
	require.Zero(t, code, said)
	require.Contains(t, said, workflows.SearchAttributeState)
	code, said = status("setup")
	require.Zero(t, code, said)
	require.Contains(t, said, "already")

	eventuallyReports(t, internal, "workers", true)
	makeCurrent := eventuallyReports(t, internal, "worker_version", false)
	require.Contains(t, makeCurrent, "signalbox worker versions set-current")
	code, said = status("doctor", "worker")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "signalbox worker versions set-current")
	code, said = status("worker", "versions")
	require.Zero(t, code, said)
	require.Regexp(t, `build-1 +never current .*signalbox \(workflow\) [1-9]`, said)
	// The time includes the first look, for which a busy machine needs more.
	for _, timeout := range []string{"1s", "5s", "25s"} {
		if code, said = once("worker", "versions", "set-current", "build-2", "--timeout="+timeout); code == 3 {
			break
		}
	}
	require.Equal(t, 3, code, said)
	require.Contains(t, said, "build-2")
	code, said = status("worker", "versions", "set-current", "build-1")
	require.Zero(t, code, said)
	code, said = status("worker", "versions")
	require.Zero(t, code, said)
	require.Regexp(t, "build-1 +current ", said)
	eventuallyReports(t, internal, "worker_version", true)
	eventuallyReady(t, "http://"+internal+"/readyz")

	for script, want := range map[string]struct {
		code   int
		status workflows.CaseStatus
	}{"complete": {0, workflows.CaseCompleted}, "fail": {5, workflows.CaseFailed}} {
		document := filepath.Join(folder, script+".json")
		require.NoError(t, os.WriteFile(document, caseDocument(script, script), 0o600))
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

	// A stop lets the creation that is under way end. If it takes so long that it is uncertain, it must not be retried meanwhile.
	leave()
	held := make(chan struct{})
	hold.Store(&held)
	document := filepath.Join(folder, "held.json")
	require.NoError(t, os.WriteFile(document, caseDocument("held", "silent"), 0o600))
	code, said = status("case", "start", "-f", document)
	require.Zero(t, code, said)
	require.Eventually(t, func() bool { return holding.Load() }, processWithin, 5*time.Millisecond)
	require.NoError(t, serve.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return statusOf(t, "http://"+address+"/readyz") != 200 }, processWithin, time.Millisecond)
	close(held)
	select {
	case err := <-exited:
		require.NoError(t, err, log.String())
	case <-time.After(processWithin):
		require.Fail(t, "it did not stop", log.String())
	}
	require.NotContains(t, log.String(), "key-1")
	require.Len(t, offload.CasesOf("binary-held"), 1)
	stories.Attend(t.Context(), apps, offload)

	again, _ := run("worker")
	again.Env = append(again.Env, "SIGNALBOX_INTERNAL_LISTEN="+freeAddress(t))
	require.NoError(t, again.Start())
	t.Cleanup(func() {
		_ = again.Process.Kill()
		_ = again.Wait()
	})
	require.Eventually(t, func() bool {
		_, said := status("case", "show", "binary-held")
		return strings.Contains(said, string(workflows.CaseRunning))
	}, processWithin, 50*time.Millisecond)
	require.Len(t, offload.CasesOf("binary-held"), 1, "it was created once")

	// Another build gets a share of the workflows, and loses it.
	other, _ := run("worker")
	other.Env = append(other.Env, "SIGNALBOX_INTERNAL_LISTEN="+freeAddress(t), "TEMPORAL_WORKER_BUILD_ID=build-2")
	require.NoError(t, other.Start())
	t.Cleanup(func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	})
	code, said = status("worker", "versions", "set-ramping", "build-2", "10")
	require.Zero(t, code, said)
	code, said = status("worker", "versions")
	require.Zero(t, code, said)
	require.Regexp(t, "build-2 +ramping 10 % ", said)
	code, said = status("worker", "versions", "set-ramping", "build-2", "0")
	require.Contains(t, []int{0, 3}, code, said) // 3: a call whose answer was lost has ended it
	code, said = status("worker", "versions")
	require.Zero(t, code, said)
	require.NotContains(t, said, "ramping")
	require.Regexp(t, "build-1 +current ", said)

	// A process that stops still receives, and a second signal ends it.
	stubborn, log := run("ingress")
	stubborn.Env = append(stubborn.Env, "SIGNALBOX_DRAIN_DELAY=1h")
	require.NoError(t, stubborn.Start())
	t.Cleanup(func() { _ = stubborn.Process.Kill() })
	eventuallyReady(t, "http://"+address+"/readyz")
	require.NoError(t, stubborn.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return statusOf(t, "http://"+address+"/readyz") == 503 }, processWithin, 5*time.Millisecond)
	require.Equal(t, 401, statusOf(t, "http://"+address+"/webhooks/offload/a/b"), "it still receives")
	require.NoError(t, stubborn.Process.Signal(syscall.SIGTERM))
	require.ErrorContains(t, waitFor(stubborn), "terminated", log.String())
}

// appsOf is a business apps' client of a server whose namespace has no other.
func appsOf(t *testing.T, temporal *temporaldev.Server) *signalbox.Client {
	t.Helper()
	connected, err := temporal.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	apps, err := signalbox.New(connected, signalbox.Options{})
	require.NoError(t, err)
	return apps
}

func caseDocument(reference, script string) []byte {
	return fmt.Appendf(nil, `{"reference":"binary-%s","request":{"channel":"EMAIL",
		"goal":{"objective":"Obtain a signed W-9"},"counterparty":{"address":"%s@vendor.example","name":"Ada"},
		"senderPersona":{"name":"Grace"}}}`, reference, script)
}

// statusOf is the status of a GET of a page, or of a POST to a webhook; 0 where no server answers.
func statusOf(t testing.TB, url string) int {
	t.Helper()
	method := http.MethodGet
	if strings.Contains(url, "/webhooks/") {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	require.NoError(t, err)
	response, err := providers.Do(request)
	if err != nil {
		return 0
	}
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// eventuallyReports waits until the internal /readyz says something of a check, and returns what mends it.
func eventuallyReports(t *testing.T, internal, check string, ok bool) (fix string) {
	t.Helper()
	require.Eventually(t, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+internal+"/readyz", nil)
		if err != nil {
			return false
		}
		response, err := providers.Do(request)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		var told struct{ Checks []health.State }
		if json.NewDecoder(response.Body).Decode(&told) != nil {
			return false
		}
		for _, c := range told.Checks {
			if c.Name == check && c.OK == ok && !strings.Contains(c.Problem, "checked") {
				fix = c.Fix
				return true
			}
		}
		return false
	}, processWithin, 50*time.Millisecond, check)
	return fix
}

// waitFor waits for the end of a process that was asked to end, and kills it where it does not.
func waitFor(command *exec.Cmd) error {
	defer time.AfterFunc(processWithin, func() { _ = command.Process.Kill() }).Stop()
	return command.Wait()
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	return address
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
	}, processWithin, 20*time.Millisecond)
}
