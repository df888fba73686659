package offload

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

const (
	testKey = "key-of-the-test-account"
	caseID  = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"
)

var testNow = time.Date(2026, 3, 21, 15, 42, 0, 0, time.UTC)

// provider is an Offload that answers every request with handler, and the activities that call it.
type provider struct {
	*Activities
	requests atomic.Int64
}

func newProvider(t testing.TB, handler http.HandlerFunc, change ...func(*offloadapi.Config)) *provider {
	t.Helper()
	p := new(provider)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	p.Activities = newActivities(t, server.URL, change...)
	return p
}

func newActivities(t testing.TB, baseURL string, change ...func(*offloadapi.Config)) *Activities {
	t.Helper()
	now := func() time.Time { return testNow }
	cfg := offloadapi.Config{BaseURL: baseURL, APIKey: testKey, Timeout: 20 * time.Second, Now: now}
	for _, change := range change {
		change(&cfg)
	}
	client, err := offloadapi.New(cfg)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	keys, err := keyring.Generate()
	require.NoError(t, err)
	activities, err := New(Config{
		Accounts:  map[string]*offloadapi.Client{workflows.DefaultAccount: client},
		Keys:      keys,
		PublicURL: "https://hooks.example.com/signalbox/",
		Now:       now,
	})
	require.NoError(t, err)
	activities.random = func() float64 { return 0.5 }
	return activities
}

func answerWith(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func envelope(code string) string {
	return `{"ok":false,"error":{"code":"` + code + `","message":"so says the provider"}}`
}

// breakOff ends the connection once the request has been read.
func breakOff(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// run runs one attempt of the activity of that name in the SDK's test environment.
func run[R any](t testing.TB, a *Activities, name string, params any) (R, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a.Register(env)
	var result R
	value, err := env.ExecuteActivity(name, params)
	if err == nil {
		require.NoError(t, value.Get(&result))
	}
	return result, err
}

func applicationError(t testing.TB, err error) *temporal.ApplicationError {
	t.Helper()
	var appErr *temporal.ApplicationError
	require.ErrorAs(t, err, &appErr)
	require.NotContains(t, appErr.Error(), testKey)
	return appErr
}
