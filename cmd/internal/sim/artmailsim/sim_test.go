package artmailsim_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

const (
	agent      = "pages"
	webhookURL = "http://agent.test/hook"
	secret     = "the agent's secret"
)

var plain = artmailsim.Envelope{
	Discriminator: "type", Nesting: artmailsim.AtTop, Timestamp: artmailsim.TimeMilliseconds,
}

// bench is a simulator and the receiver of its webhooks, in memory.
type bench struct {
	*artmailsim.Simulator
	t        *testing.T
	receiver *simtest.Receiver
}

// run runs a test in a bubble with fake time; it fails if the simulator leaves a goroutine behind.
func run(t *testing.T, opts artmailsim.Options, test func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		opts.Transport = receiver
		opts.Agents = []artmailsim.Agent{{Slug: agent, WebhookURL: webhookURL, Secret: secret}}
		sim, err := artmailsim.New(opts)
		require.NoError(t, err)
		defer func() { require.NoError(t, sim.Close()) }()
		test(t, bench{sim, t, receiver})
	})
}

func (b bench) activate() (activationID string) {
	b.t.Helper()
	id, err := b.Activate(agent)
	require.NoError(b.t, err)
	synctest.Wait()
	return id
}

func (b bench) activation(id string) artmailsim.Record {
	b.t.Helper()
	record, err := b.Activation(id)
	require.NoError(b.t, err)
	return record
}

func (b bench) events() []map[string]any { return b.receiver.Events(b.t) }

func (b bench) lastEvent() map[string]any {
	b.t.Helper()
	events := b.events()
	require.NotEmpty(b.t, events)
	return events[len(events)-1]
}

// apiKey is the key that the activation's first event brought.
func (b bench) apiKey(activationID string) string {
	b.t.Helper()
	for _, event := range b.events() {
		if key := b.keyOf(event); key != "" && event["activationId"] == activationID {
			return key
		}
	}
	b.t.Fatal("no agent.activated for " + activationID)
	return ""
}

// keyOf is the API key in an event, wherever the envelope has it.
func (b bench) keyOf(event map[string]any) string {
	if b.Envelope().Nesting == artmailsim.UnderData {
		event = simtest.As[map[string]any](event["data"])
	}
	key, _ := event["apiKey"].(string)
	return key
}

func (b bench) call(method, path, key, body string) simtest.Response {
	b.t.Helper()
	var headers []string
	if key != "" {
		headers = []string{"Authorization", "Bearer " + key}
	}
	return simtest.Call(b.t, b, method, "http://artmail.test"+path, body, headers...)
}
