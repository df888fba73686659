package offloadsim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

const (
	goodKey     = "key-of-acme"
	otherKey    = "key-of-another-owner"
	inactiveKey = "key-that-is-inactive"
	webhookURL  = "http://app.test/hook"
	pace        = time.Second
)

// bench is a simulator, its caller and the receiver of its webhooks, all in memory.
type bench struct {
	*offloadsim.Simulator
	t        *testing.T
	receiver *simtest.Receiver
}

// run runs a test in a bubble with fake time; it fails if the simulator leaves a goroutine behind.
func run(t *testing.T, opts offloadsim.Options, test func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		opts.Transport = receiver
		opts.Pace = pace
		opts.Keys = []offloadsim.Key{
			{Value: goodKey, Owner: "acme"},
			{Value: otherKey, Owner: "other"},
			{Value: inactiveKey, Owner: "acme", Inactive: true},
		}
		sim, err := offloadsim.New(opts)
		require.NoError(t, err)
		defer func() { require.NoError(t, sim.Close()) }()
		test(t, bench{sim, t, receiver})
	})
}

// response is an answer of Offload's API.
type response struct{ simtest.Response }

func (r response) data() map[string]any {
	data, _ := r.Body["data"].(map[string]any)
	return data
}

func (r response) code() string {
	envelope, _ := r.Body["error"].(map[string]any)
	code, _ := envelope["code"].(string)
	return code
}

func (b bench) call(method, path, key, body string) response {
	b.t.Helper()
	var headers []string
	if key != "" {
		headers = []string{"x-api-key", key}
	}
	return response{simtest.Call(b.t, b, method, "http://offload.test"+path, body, headers...)}
}

// createBody is a valid body of POST /cases with some fields replaced; nil removes one.
func createBody(t *testing.T, replace map[string]any) string {
	t.Helper()
	body := map[string]any{
		"channel":          "EMAIL",
		"goal":             map[string]any{"objective": "Get the W-9"},
		"counterparty":     map[string]any{"address": "vendor@example.com", "name": "Vendor"},
		"senderPersona":    map[string]any{"name": "Sam"},
		"clientWebhookUrl": webhookURL,
	}
	maps.Copy(body, replace)
	maps.DeleteFunc(body, func(_ string, value any) bool { return value == nil })
	encoded, err := json.Marshal(body)
	require.NoError(t, err)
	return string(encoded)
}

func (b bench) create(replace map[string]any) (caseID string) {
	b.t.Helper()
	created := b.call("POST", "/cases", goodKey, createBody(b.t, replace))
	require.Equal(b.t, true, created.Body["ok"], "%v", created.Body)
	return simtest.As[string](created.data()["caseId"])
}

func (b bench) get(caseID string) map[string]any {
	b.t.Helper()
	got := b.call("GET", "/cases/"+caseID, goodKey, "")
	require.Equal(b.t, http.StatusOK, got.Status)
	return got.data()
}

func (b bench) answer(caseID, inputRequestID, context string) response {
	return b.call("POST", "/cases/"+caseID+"/input", goodKey,
		fmt.Sprintf(`{"inputRequestId":%q,"providedContext":%q}`, inputRequestID, context))
}

// fetch gets a download URL, without an API key.
func (b bench) fetch(url string) simtest.Response {
	return simtest.Call(b.t, b, http.MethodGet, url, "")
}

func (b bench) webhooks() []map[string]any { return b.receiver.Events(b.t) }
