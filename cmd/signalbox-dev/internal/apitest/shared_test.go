package apitest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// shared is the one instance of this package's tests. Its spans go to spans, and notices to hook. needsHelp says of which case a person resolved
// the creation.
var (
	shared    *dev.Instance
	needsHelp func(reference string) bool
	spans     *collector
	hook      *receiver
)

const (
	// callback is the callback's name, personsWords and the callback's path what no span may hold.
	callback     = "told"
	personsWords = "Ada-would-rather-not"
	secretPath   = "/hook-of-few"
)

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (int, error) {
	spans, hook = newCollector(), newReceiver()
	defer spans.Close()
	defer hook.Close()
	folder, err := os.MkdirTemp("", "signalbox-api-test-")
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": spans.URL, "OTEL_EXPORTER_OTLP_TIMEOUT": "300000", "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BSP_MAX_QUEUE_SIZE": "65536"} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err == nil {
		err = payloadtest.Prepare(folder)
	}
	if err == nil {
		defer func() { _ = os.RemoveAll(folder) }()
		const anyPort = "127.0.0.1:0"
		shared, err = dev.Start(context.Background(), dev.Options{
			Data: folder, Listen: anyPort, InternalListen: anyPort, Temporal: anyPort, Simulators: anyPort, Pace: 20 * time.Millisecond,
			Callbacks: map[string]config.Callback{callback: {
				URL: hook.URL + secretPath, Secrets: []string{"whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))}, AllowPrivate: true, AllowHTTP: true,
			}},
			DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond}, Log: zap.NewNop(),
		})
	}
	if err != nil {
		return 1, err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	needsHelp = stories.Attend(ctx, shared.Apps, shared.Simulators.Offload)
	code := m.Run()
	return code, errors.Join(shared.Stop(), showsNoSecret())
}

// receiver is the callback: it keeps the kind of each notice by its traceparent.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	kinds map[string]string
}

func newReceiver() *receiver {
	r := &receiver{kinds: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var notice workflows.Notice
		if json.NewDecoder(request.Body).Decode(&notice) != nil || request.URL.Path != secretPath {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.kinds[request.Header.Get("traceparent")] = string(notice.Kind)
	}))
	return r
}

func (r *receiver) kindOf(traceParent string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kinds[traceParent]
}

// planted are secrets that tests have come to know.
var planted struct {
	mu      sync.Mutex
	secrets []string
}

func plant(t *testing.T, secret string) {
	t.Helper()
	require.NotEmpty(t, secret)
	planted.mu.Lock()
	defer planted.mu.Unlock()
	planted.secrets = append(planted.secrets, secret)
}

// showsNoSecret reads all spans of all tests.
func showsNoSecret() error {
	got := spans.got()
	if len(got) == 0 {
		return nil // no test was run
	}
	planted.mu.Lock()
	defer planted.mu.Unlock()
	for _, secret := range append(planted.secrets, personsWords, secretPath, "Obtain a signed", "vendor.example", "signed PDF") {
		if bytes.Contains(got, []byte(secret)) {
			return fmt.Errorf("a span holds %q", secret)
		}
	}
	return nil
}

var caller = &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// send calls an API. headers are names, each with its value after it.
func send(t testing.TB, method, url, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := caller.Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, answer
}

// answered calls an API until it is not too busy to answer, and requires the status. A call that is made again may find that it had its effect
// at the first try.
func answered(t testing.TB, method, url, body string, status int, headers ...string) (*http.Response, []byte) {
	t.Helper()
	response, answer := send(t, method, url, body, headers...)
	if response.StatusCode == http.StatusServiceUnavailable {
		testenv.Eventually(t, func(context.Context) (int, error) {
			response, answer = send(t, method, url, body, headers...)
			return response.StatusCode, nil
		}, func(got int) bool { return got != http.StatusServiceUnavailable })
		if status == http.StatusCreated && response.StatusCode == http.StatusOK || response.StatusCode == http.StatusConflict && hadEffect(t, url) {
			status = response.StatusCode
		}
	}
	require.Equal(t, status, response.StatusCode, "%s %s: %s", method, url, answer)
	return response, answer
}

// hadEffect says whether a case shows that it was cancelled, or that its question was answered, by a call of this URL.
func hadEffect(t testing.TB, url string) bool {
	t.Helper()
	one, what := path.Split(url)
	var state workflows.CaseState
	_, answer := answered(t, http.MethodGet, strings.TrimSuffix(one, "/"), "", http.StatusOK)
	require.NoError(t, json.Unmarshal(answer, &state))
	return what == "cancel" && state.Status == workflows.CaseCancelled || what == "input" && len(state.Answers) > 0
}

// call calls the API and compares the answer with the document; route is the path as the document has it.
func call(t testing.TB, method, route, path, body string, status int, into any) http.Header {
	t.Helper()
	response, answer := answered(t, method, shared.InternalURL()+path, body, status)
	conforms(t, strings.ToLower(method), route, response, answer)
	if into != nil {
		require.NoError(t, json.Unmarshal(answer, into))
	}
	return response.Header
}

// conforms fails for an answer that the document does not describe.
func conforms(t testing.TB, method, route string, response *http.Response, answer []byte) {
	t.Helper()
	pointer := "#/paths/" + strings.NewReplacer("/", "~1", "{", "%7B", "}", "%7D").Replace(route) + "/" + method + "/responses/" + fmt.Sprint(response.StatusCode) +
		"/content/application~1json/schema"
	if response.StatusCode >= http.StatusBadRequest {
		pointer = "#/components/schemas/Problem"
		require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	}
	if len(answer) == 0 {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("urn:document", document(t)))
	schema, err := compiler.Compile("urn:document" + pointer)
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value), "%s", answer)
}

func document(t testing.TB) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "ingress", "api", "openapi.yaml"))
	require.NoError(t, err)
	var parsed any
	require.NoError(t, yaml.Unmarshal(raw, &parsed))
	raw, err = json.Marshal(parsed)
	require.NoError(t, err)
	parsed, err = jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return parsed
}
