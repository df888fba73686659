package agenttest_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/exampleagent"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The agents of the configuration, and the tokens of their authors and of a business app.
const (
	goAgent, typescriptAgent = "go-pages", "typescript-pages"
	typescriptQueue          = "typescript-agent"
	webhookSecret            = "whsec_agenttest"
	goToken                  = "token-of-the-go-agents-worker-0001"
	otherToken               = "token-of-another-agents-worker-0002"
	shopToken                = "token-of-a-shop-that-buys-cases-0003"
	codecToken               = "token-of-a-worker-that-encrypts-0004"
)

const tokenFile = `
- {name: go-worker, token: ` + goToken + `, scopes: ["keys:reveal"], agents: [` + goAgent + `]}
- {name: other-worker, token: ` + otherToken + `, scopes: ["keys:reveal"], agents: [` + typescriptAgent + `]}
- {name: shop, token: ` + shopToken + `, scopes: ["cases:read", "cases:write"]}
- {name: codec, token: ` + codecToken + `, scopes: ["payloads:read", "payloads:write"]}
`

var (
	// shared is the one instance of this package's tests, artmail the Artmail of its agents, artmailURL where agents call that.
	shared     *dev.Instance
	artmail    *artmailsim.Simulator
	artmailURL string
)

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (code int, err error) {
	// Each workflow task replays the history, so that a workflow which is not deterministic gets stuck.
	sdkworker.SetStickyWorkflowCacheSize(0)
	folder, err := os.MkdirTemp("", "signalbox-agent-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	tokens := filepath.Join(folder, "tokens.yaml")
	if err := os.WriteFile(tokens, []byte(tokenFile), 0o600); err != nil {
		return 1, err
	}
	if err := payloadtest.Prepare(folder); err != nil {
		return 1, err
	}
	const anyPort = "127.0.0.1:0"
	shared, err = dev.Start(context.Background(), dev.Options{
		Data: folder, Listen: anyPort, InternalListen: anyPort, Temporal: anyPort, Simulators: anyPort, Pace: 20 * time.Millisecond,
		Agents: map[string]config.Agent{
			goAgent: {
				Secrets:  []string{webhookSecret},
				HandOver: &workflows.HandOver{WorkflowType: exampleagent.WorkflowType, TaskQueue: exampleagent.TaskQueue},
			},
			typescriptAgent: {
				Secrets:  []string{webhookSecret},
				HandOver: &workflows.HandOver{WorkflowType: "activationAgent", TaskQueue: typescriptQueue},
			},
		},
		TokenFile:     tokens,
		DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond}, Log: zap.NewNop(),
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.Stop()) }()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stories.Attend(ctx, shared.Apps, shared.Simulators.Offload)
	var agents []artmailsim.Agent
	for _, name := range []string{goAgent, typescriptAgent} {
		agents = append(agents, artmailsim.Agent{Slug: name, WebhookURL: shared.IngressURL() + "/webhooks/artmail/" + name, Secret: webhookSecret})
	}
	if artmail, err = artmailsim.New(artmailsim.Options{Agents: agents}); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, artmail.Close()) }()
	calls := httptest.NewServer(artmail)
	defer calls.Close()
	artmailURL = calls.URL
	return m.Run(), nil
}

// activate lets a brand activate an agent, and waits until Signalbox holds the key.
func activate(t *testing.T, agent string) *signalbox.Activation {
	t.Helper()
	id, err := artmail.Activate(agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(agent, id)
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })
	return one
}

func inStatus(want workflows.ActivationStatus) func(workflows.ActivationState) bool {
	return func(s workflows.ActivationState) bool { return s.Status == want }
}
