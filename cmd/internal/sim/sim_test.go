package sim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const key = "key-1"

func start(o sim.Options) (*sim.Providers, error) {
	o.Listen, o.OffloadKey, o.AgentSecret = "127.0.0.1:0", key, "secret-1"
	return sim.Start(o)
}

func TestInvalidTroubleIsRefusedWithItsFlag(t *testing.T) {
	t.Parallel()
	_, err := start(sim.Options{PublicURL: "http://127.0.0.1:1", Trouble: sim.Trouble{
		OffloadCalls: []string{"explode:create"}, OffloadWebhooks: []string{"burst"}, ArtmailWebhooks: []string{"drop=2"},
	}})
	require.ErrorContains(t, err, `--offload-call: unknown failure "explode"`)
	require.ErrorContains(t, err, `--offload-webhook: unknown fault "burst"`)
	require.ErrorContains(t, err, `--artmail-webhook: fault "drop": "2" is not a probability`)

	misspelt := sim.Trouble{OffloadWebhooks: []string{"drop:case.compleeted"}, ArtmailWebhooks: []string{"drop:case.completed=0.5"}}
	require.ErrorContains(t, misspelt.Check(), `--offload-webhook: fault "drop" of "case.compleeted": want one of ["case.completed" "case.failed" "case.input_needed"], as in drop:case.completed`)
	require.ErrorContains(t, misspelt.Check(), `--artmail-webhook: fault "drop" of "case.completed": want one of ["agent.activated"`)
	require.NoError(t, sim.Trouble{OffloadWebhooks: []string{"drop", "drop:case.failed"}, ArtmailWebhooks: []string{"drop:run_force_failed=1"}}.Check())
}

// Each command of the help is run against its own case.
func TestTheCommandsOfTheHelpWork(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "curl", "curl")
	var received strings.Builder
	var mu sync.Mutex
	signalbox := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		received.WriteString(r.URL.Path + " " + string(body) + "\n")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(signalbox.Close)
	providers, err := start(sim.Options{PublicURL: signalbox.URL + "/"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, providers.Stop()) })

	shell := func(command string) string {
		t.Helper()
		output, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "curl", "curl -sS --fail-with-body", 1)).CombinedOutput()
		require.NoError(t, err, "%s: %s", command, output)
		return string(output)
	}
	help := shell("curl " + providers.URL() + "/")
	require.Equal(t, sim.Help(providers.URL()), help)
	require.Contains(t, shell("curl "+providers.ArtmailURL()+"/sim/"), "POST /artmail/sim/activations/{id}/pause ")
	commands := 0
	for line := range strings.SplitSeq(help, "\n") {
		if command, isCommand := strings.CutPrefix(line, "  curl "); isCommand {
			createManualCase(t, providers, signalbox.URL)
			command, _, _ = strings.Cut(command, "   ")
			require.NotEmpty(t, shell("curl -w '%{http_code}' "+strings.ReplaceAll(command, "REFERENCE", "latest")))
			commands++
		}
	}
	require.Equal(t, 10, commands, help)

	statuses := map[string]int{}
	for _, one := range providers.Offload.Cases() {
		statuses[string(one.Status)]++
	}
	require.Equal(t, map[string]int{"CREATED": 7, "INPUT_NEEDED": 1, "COMPLETED": 1, "FAILED": 1}, statuses)
	require.Equal(t, artmailsim.Paused, providers.Artmail.Activations()[0].Status)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{"case.completed", "mailbox full", "/webhooks/artmail/" + sim.Agent, "agent.paused"} {
			assert.Contains(c, received.String(), want)
		}
	}, time.Minute, 20*time.Millisecond)
}

// createManualCase creates a case as Signalbox does.
func createManualCase(t *testing.T, providers *sim.Providers, webhookURL string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"channel": "EMAIL", "goal": map[string]string{"objective": "Get the W-9"}, "senderPersona": map[string]string{"name": "Sam"},
		"counterparty": map[string]string{"address": "manual@vendor.example", "name": "Ada"}, "clientWebhookUrl": webhookURL,
	})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, providers.OffloadURL()+"/cases", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("x-api-key", key)
	client := &http.Client{Timeout: time.Minute}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Less(t, response.StatusCode, 300)
	client.CloseIdleConnections()
}
