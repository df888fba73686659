package offloadsim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier/couriertest"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	receiver *couriertest.Receiver
}

// run runs a test in a bubble of its own time; it fails if the simulator leaves a goroutine behind.
func run(t *testing.T, opts offloadsim.Options, test func(t *testing.T, b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		receiver := &couriertest.Receiver{}
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

// response is an answer of the simulator, decoded.
type response struct {
	status int
	header http.Header
	body   map[string]any
}

func (r response) data() map[string]any {
	data, _ := r.body["data"].(map[string]any)
	return data
}

func (r response) code() string {
	envelope, _ := r.body["error"].(map[string]any)
	code, _ := envelope["code"].(string)
	return code
}

func (b bench) call(method, path, key, body string) response {
	b.t.Helper()
	req := httptest.NewRequestWithContext(b.t.Context(), method, "http://offload.test"+path, strings.NewReader(body))
	if key != "" {
		req.Header.Set("x-api-key", key)
	}
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, req)
	got := response{status: recorder.Code, header: recorder.Header()}
	if recorder.Body.Len() > 0 && strings.HasPrefix(recorder.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(recorder.Body.Bytes(), &got.body); err != nil {
			got.body = map[string]any{"list": recorder.Body.String()}
		}
	}
	return got
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
	require.Equal(b.t, true, created.body["ok"], "%v", created.body)
	return as[string](created.data()["caseId"])
}

func (b bench) get(caseID string) map[string]any {
	b.t.Helper()
	got := b.call("GET", "/cases/"+caseID, goodKey, "")
	require.Equal(b.t, http.StatusOK, got.status)
	return got.data()
}

func (b bench) answer(caseID, inputRequestID, context string) response {
	return b.call("POST", "/cases/"+caseID+"/input", goodKey,
		fmt.Sprintf(`{"inputRequestId":%q,"providedContext":%q}`, inputRequestID, context))
}

// fetch gets a download URL, without an API key.
func (b bench) fetch(url string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, url, nil))
	return recorder
}

// webhooks decodes what the receiver has got so far.
func (b bench) webhooks() []map[string]any {
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

// as asserts the type of a decoded JSON value.
func as[T any](value any) T {
	typed, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%v is %T, not %T", value, value, typed))
	}
	return typed
}
