package casetest_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/offload"
	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
)

// troubled is how often each trouble is met: once as news, once more at once, and from then on slowly.
const troubled = 4

// troubles are those that a person mends while the case waits.
var troubles = map[string]struct {
	route     offloadsim.Route
	failure   offloadsim.Failure
	status    workflows.CaseStatus
	attention string
	// begins is when the case meets it first, lasts how long it knows of it at least, since the pace is slow, and over when it no longer does.
	begins, lasts, over time.Duration
}{
	"usage-limit-while-creating":     {offloadsim.RouteCreate, offloadsim.FailUsageLimit, workflows.CaseCreating, workflows.AttentionUsageLimit, 0, 11 * time.Minute, 30 * time.Minute},
	"unauthorized-while-creating":    {offloadsim.RouteCreate, offloadsim.FailUnauthorized, workflows.CaseCreating, workflows.AttentionUnauthorized, 0, 11 * time.Minute, 30 * time.Minute},
	"forbidden-while-creating":       {offloadsim.RouteCreate, offloadsim.FailForbidden, workflows.CaseCreating, workflows.AttentionForbidden, 0, 11 * time.Minute, 30 * time.Minute},
	"unauthorized-while-reconciling": {offloadsim.RouteGet, offloadsim.FailUnauthorized, workflows.CaseRunning, workflows.AttentionUnauthorized, 15 * time.Minute, 105 * time.Minute, 200 * time.Minute},
	"forbidden-while-reconciling":    {offloadsim.RouteGet, offloadsim.FailForbidden, workflows.CaseRunning, workflows.AttentionForbidden, 15 * time.Minute, 105 * time.Minute, 200 * time.Minute},
	"not-found-while-reconciling":    {offloadsim.RouteGet, offloadsim.FailNotFound, workflows.CaseRunning, workflows.AttentionCaseNotFound, 15 * time.Minute, 105 * time.Minute, 200 * time.Minute},
	// Four reads fail until it is known, and four more while it is.
	"away-while-reconciling": {offloadsim.RouteGet, offloadsim.FailInternal, workflows.CaseRunning, workflows.AttentionUnreachable, 20 * time.Minute, 3 * time.Minute, 60 * time.Minute},
}

func TestAttentionEndsWhenItsCauseIsRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offload, err := newProvider()
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, offload.close()) })
			times := troubled
			if c.attention == workflows.AttentionUnreachable {
				times *= 2
			}
			require.NoError(t, offload.FailNext(c.route, slices.Repeat([]offloadsim.Failure{c.failure}, times)...))
			env := skippingTime(t, offload, name)
			at := func(when time.Duration, check func(workflows.CaseState)) {
				env.RegisterDelayedCallback(func() {
					value, err := env.QueryWorkflow(workflows.QueryState)
					require.NoError(t, err)
					var state workflows.CaseState
					require.NoError(t, value.Get(&state))
					check(state)
				}, when)
			}
			standsInTrouble := func(state workflows.CaseState) {
				require.Equal(t, c.status, state.Status)
				require.Equal(t, []string{c.attention}, state.Attention)
				require.NotEmpty(t, state.LastError)
			}
			at(c.begins+time.Minute, standsInTrouble)
			at(c.begins+c.lasts, standsInTrouble)
			mended := false
			at(c.over, func(state workflows.CaseState) {
				mended = true
				require.Equal(t, workflows.CaseRunning, state.Status)
				require.Empty(t, state.Attention)
				require.Empty(t, state.LastError)
				created := offload.Cases()
				require.Len(t, created, 1)
				require.NoError(t, offload.SendFirstMessage(created[0].CaseID))
				require.NoError(t, offload.Complete(created[0].CaseID, nil))
			})

			env.ExecuteWorkflow(workflows.OffloadCaseWorkflow, workflows.CaseStart{Reference: name, Request: request(offloadsim.ScriptManual)})
			require.NoError(t, env.GetWorkflowError())
			require.True(t, mended)
			var got workflows.CaseOutcome
			require.NoError(t, env.GetWorkflowResult(&got))
			require.Equal(t, workflows.CaseCompleted, got.Status)
			require.Empty(t, got.Attention)
		})
	}
}

// skippingTime is the SDK's test environment, for what takes hours. All that it runs is real, workflow, activities and client; only the
// provider's webhooks are not delivered.
func skippingTime(t *testing.T, at *provider, reference string) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(waitTimeout)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: waitTimeout})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(reference), TaskQueue: workflows.TaskQueueWorkflows,
	})
	env.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	api, err := offloadapi.New(offloadapi.Config{BaseURL: at.url, APIKey: apiKey, Now: env.Now})
	require.NoError(t, err)
	t.Cleanup(api.Close)
	keys, err := keyring.Generate()
	require.NoError(t, err)
	activities, err := offload.New(offload.Config{
		Accounts: map[string]*offloadapi.Client{workflows.DefaultAccount: api}, Keys: keys, PublicURL: "http://127.0.0.1:1", Now: env.Now,
	})
	require.NoError(t, err)
	activities.Register(env)
	env.RegisterActivityWithOptions(func(workflows.HandOff) (workflows.HandOffResult, error) {
		return workflows.HandOffResult{}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	return env
}
