package activationtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// shared is what the tests of this package have in common: a Temporal server, the workers of production, and the keys. Each test brings
// its own ingress and agents.
var shared struct {
	temporal client.Client
	apps     *signalbox.Client
	ring     *keyring.Ring
}

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (code int, err error) {
	stickytest.Apply()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if shared.ring, err = keyring.Generate(); err != nil {
		return 1, err
	}
	server, err := temporaldev.Start(ctx, temporalOptions())
	if err != nil {
		return 1, err
	}
	shared.temporal, err = server.Dial(ctx, payloadtest.Apply)
	if err != nil {
		return 1, errors.Join(err, server.Stop())
	}
	workers := make(chan error, 1)
	go func() { workers <- runWorkers(ctx, server) }()
	if shared.apps, err = signalbox.New(shared.temporal, signalbox.Options{Keyring: shared.ring}); err == nil {
		code = m.Run()
	}
	cancel()
	err = errors.Join(err, <-workers)
	shared.temporal.Close()
	return code, errors.Join(err, server.Stop())
}

func temporalOptions() temporaldev.Options {
	return temporaldev.Options{
		SearchAttributes: worker.SearchAttributes(),
		// The server rounds timers and retry delays up to about a second; tests would wait for that.
		DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond},
	}
}

// runWorkers runs what a production process would; there is no Offload to call.
func runWorkers(ctx context.Context, server *temporaldev.Server) error {
	known := map[string]config.Agent{}
	for _, agent := range []string{"pages", "away", "acks", "changed", "rotated", "mistyped", "flooded"} {
		known[agent] = config.Agent{}
	}
	for agent := range storiesOfKinds() {
		known[agent] = config.Agent{}
	}
	return service.Run(ctx, service.Settings{
		Config: config.Config{
			PublicURL: "http://127.0.0.1",
			Accounts:  map[string]config.Account{workflows.DefaultAccount: {BaseURL: "http://127.0.0.1", APIKey: "unused"}},
			Agents:    known,
		},
		Parts:    config.Worker,
		Keyring:  shared.ring,
		Payloads: payloadtest.Keys(),
		Temporal: client.Options{HostPort: server.FrontendAddr(), Namespace: server.Namespace()},
		Log:      zap.NewNop(),
	})
}

func inStatus(want workflows.ActivationStatus) func(workflows.ActivationState) bool {
	return func(s workflows.ActivationState) bool { return s.Status == want }
}

// noticesOf reads where the notices of an activation stand.
func noticesOf(temporal client.Client, one *signalbox.Activation) func(context.Context) (workflows.NotifyState, error) {
	return func(ctx context.Context) (state workflows.NotifyState, err error) {
		value, err := temporal.QueryWorkflow(ctx, workflows.NotifyWorkflowID(one.WorkflowID()), "", workflows.QueryState)
		if err == nil {
			err = value.Get(&state)
		}
		return state, err
	}
}

func some(s workflows.NotifyState) bool { return len(s.Notices) > 0 }

func noneWaits(s workflows.NotifyState) bool {
	for _, n := range s.Notices {
		if n.Status == workflows.NoticeWaiting {
			return false
		}
	}
	return some(s)
}

func approval(s workflows.ActivationState, messageID string) workflows.Approval {
	for _, a := range s.Approvals {
		if a.MessageID == messageID {
			return a
		}
	}
	return workflows.Approval{}
}
