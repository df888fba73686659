package artmailsim_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier/couriertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	receiver *couriertest.Receiver
}

// run runs a test in a bubble of its own time; it fails if the simulator leaves a goroutine behind.
func run(t *testing.T, opts artmailsim.Options, test func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		receiver := &couriertest.Receiver{}
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

// events decodes what the receiver has got so far.
func (b bench) events() []map[string]any {
	b.t.Helper()
	synctest.Wait()
	var decoded []map[string]any
	for _, body := range b.receiver.Bodies() {
		var one map[string]any
		require.NoError(b.t, json.Unmarshal([]byte(body), &one))
		decoded = append(decoded, one)
	}
	return decoded
}

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
		event = as[map[string]any](event["data"])
	}
	key, _ := event["apiKey"].(string)
	return key
}

type response struct {
	status int
	body   map[string]any
}

func (b bench) call(method, path, key, body string) response {
	b.t.Helper()
	req := httptest.NewRequestWithContext(b.t.Context(), method, "http://artmail.test"+path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, req)
	got := response{status: recorder.Code}
	if recorder.Header().Get("Content-Type") == "application/json" && strings.HasPrefix(recorder.Body.String(), "{") {
		require.NoError(b.t, json.Unmarshal(recorder.Body.Bytes(), &got.body))
	}
	return got
}

// as asserts the type of a decoded JSON value.
func as[T any](value any) T {
	typed, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%v is %T, not %T", value, value, typed))
	}
	return typed
}
