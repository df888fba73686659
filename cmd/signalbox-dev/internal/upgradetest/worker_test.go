package upgradetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// workerSettings is the variable that makes this test binary a worker of one build: the production worker in its own process.
const workerSettings = "SIGNALBOX_TEST_WORKER"

// workerProcess is what the other process must know.
type workerProcess struct {
	BuildID                               string
	Change                                change
	Keyring, Temporal, PublicURL, BaseURL string
}

const (
	apiKey     = "key"
	deployment = "signalbox"
	namespace  = "default"
)

// runWorker is the other process. It stops when its input ends: when the test asks for that, or when the test's process is gone.
func runWorker(settings string) error {
	var p workerProcess
	if err := json.Unmarshal([]byte(settings), &p); err != nil {
		return err
	}
	keys, err := keyring.LoadOrCreate(p.Keyring)
	if err != nil {
		return err
	}
	log, err := logging.New(os.Stderr, "warn", "console")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	temporal := client.Options{HostPort: p.Temporal, Namespace: namespace}
	if p.Change != unchanged {
		temporal.Interceptors = []interceptor.ClientInterceptor{&both{changed: changed{change: p.Change}}}
	}
	return service.Run(ctx, service.Settings{
		Config: config.Config{
			PublicURL: p.PublicURL, DeploymentName: deployment, BuildID: p.BuildID,
			Accounts: map[string]config.Account{workflows.DefaultAccount: {BaseURL: p.BaseURL, APIKey: apiKey}},
			// Fewer than the play has open: most tasks replay the whole history.
			WorkflowCache: 10,
		},
		Parts: config.Worker, Keyring: keys, Payloads: payloadtest.Keys(), Temporal: temporal, Log: log,
	})
}

// both gives a worker the interceptor by way of its client.
type both struct {
	interceptor.ClientInterceptorBase
	changed
}

// build runs the workers of a build until the test ends or they are stopped, which they must do with success.
func (s *stage) build(t *testing.T, buildID string, how change) (stop func()) {
	t.Helper()
	settings, err := json.Marshal(workerProcess{
		BuildID: buildID, Change: how, Keyring: s.keyring, Temporal: s.address, PublicURL: s.publicURL, BaseURL: s.simulators.OffloadURL(),
	})
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	var said bytes.Buffer
	command := exec.Command(self)
	// On a busy machine a workflow gets no processor for a second now and then, which the SDK takes for a deadlock. This variable of its lifts that limit.
	command.Env = append(os.Environ(), workerSettings+"="+string(settings), "TEMPORAL_DEBUG=1")
	command.Stderr = &said
	alive, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	stop = sync.OnceFunc(func() {
		_ = alive.Close() // Wait says what went wrong
		if err := command.Wait(); err != nil {
			t.Errorf("build %s: %v", buildID, err)
		}
		if t.Failed() {
			t.Logf("build %s: %s", buildID, said.String())
		}
	})
	t.Cleanup(stop)
	return stop
}
