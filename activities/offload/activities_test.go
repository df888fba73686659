package offload

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestNewNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	for _, what := range []string{"accounts", "keys", "public URL", "clock"} {
		require.ErrorContains(t, err, what)
	}
	_, err = New(Config{Accounts: map[string]*offloadapi.Client{"shop": nil}})
	require.ErrorContains(t, err, `account "shop"`)
}

func TestThePublicURLMustBeUsableForOffload(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://hooks.example.com":        true,
		"https://hooks.example.com/a/b/":   true,
		"http://127.0.0.1:8080":            true,
		"":                                 false,
		"hooks.example.com":                false,
		"ftp://hooks.example.com":          false,
		"https://":                         false,
		"https://hooks.example.com?x":      false,
		"https://hooks.example.com?":       false,
		"https://hooks.example.com#x":      false,
		"https://me:secret@example.com":    false,
		"https://me:secret@example.com:xx": false,
	} {
		_, err := parsePublicURL(url)
		require.Equal(t, ok, err == nil, "%q: %v", url, err)
		if err != nil {
			require.NotContains(t, err.Error(), "secret")
		}
	}
	_, err := New(Config{
		Accounts: map[string]*offloadapi.Client{"default": {}}, Keys: &keyring.Ring{}, PublicURL: "https://hooks.example.com", Now: func() time.Time { return testNow },
	})
	require.NoError(t, err)
}

// A call that used all the time of its attempt could not report its result to the server.
func TestACallEndsBeforeItsAttempt(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) (time.Duration, error) {
		call, cancel := callContext(context.WithoutCancel(ctx))
		defer cancel()
		deadline, _ := call.Deadline()
		return activity.GetInfo(ctx).Deadline.Sub(deadline), nil
	}, activity.RegisterOptions{Name: "margin"})
	value, err := env.ExecuteActivity("margin")
	require.NoError(t, err)
	var margin time.Duration
	require.NoError(t, value.Get(&margin))
	require.Equal(t, reportMargin, margin)
}

// After a cancelled call it would be uncertain whether the case exists.
func TestAStopDoesNotCancelACreation(t *testing.T) {
	t.Parallel()
	began, stopped := make(chan struct{}), make(chan struct{})
	p := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-stopped
		answerWith(201, created)(w, r)
	})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) (workflows.CreateCaseResult, error) {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			<-began
			cancel()
			close(stopped)
		}()
		return p.CreateCase(ctx, paramsOf(creates).(workflows.CreateCaseParams))
	}, activity.RegisterOptions{Name: "stopping"})
	value, err := env.ExecuteActivity("stopping")
	require.NoError(t, err)
	var result workflows.CreateCaseResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, caseID, result.CaseID)
}

func TestAStoppingWorkerBeginsNoCreation(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(201, created))
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := p.CreateCase(ctx, paramsOf(creates).(workflows.CreateCaseParams))
		return err
	}, activity.RegisterOptions{Name: "stopped"})
	_, err := env.ExecuteActivity("stopped")
	appErr := applicationError(t, err)
	require.Equal(t, workflows.ErrTypeOffloadNotSent, appErr.Type())
	require.False(t, appErr.NonRetryable())
	require.Zero(t, p.requests.Load())
}
