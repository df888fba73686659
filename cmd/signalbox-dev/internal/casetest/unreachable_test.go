package casetest_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/offload"
	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// What one attempt leaves for the next passes through the real server, which keeps it over attempts that fail. The worker's clock runs a minute a
// read.
func TestAnOutageIsCountedOverTheAttemptsThatTheServerMakes(t *testing.T) {
	t.Parallel()
	const queue = "counts-an-outage"
	var reads atomic.Int64
	now := func() time.Time { return time.Date(2026, 3, 21, 12, int(reads.Load()), 0, 0, time.UTC) }
	api, err := offloadapi.New(offloadapi.Config{BaseURL: "http://127.0.0.1:1", APIKey: apiKey, Now: now})
	require.NoError(t, err)
	t.Cleanup(api.Close)
	keys, err := keyring.Generate()
	require.NoError(t, err)
	activities, err := offload.New(offload.Config{
		Accounts: map[string]*offloadapi.Client{workflows.DefaultAccount: api}, Keys: keys, PublicURL: "http://127.0.0.1:1",
		Now: func() time.Time {
			reads.Add(1)
			return now()
		},
	})
	require.NoError(t, err)
	w := worker.New(shared.Temporal, queue, worker.Options{})
	activities.Register(w)
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 20, NonRetryableErrorTypes: []string{workflows.ErrTypeOffloadUnreachable}},
		})
		params := workflows.ReconcileCaseParams{Account: workflows.DefaultAccount, CaseID: "c1", Floor: workflows.MinPollFloor, Ceiling: workflows.MinPollFloor}
		return workflow.ExecuteActivity(ctx, workflows.ActivityOffloadReconcileCase, params).Get(ctx, nil)
	}, workflow.RegisterOptions{Name: queue})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	run := stories.Execute(t, shared.Temporal, client.StartWorkflowOptions{ID: queue, TaskQueue: queue}, queue)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, run.Get(t.Context(), nil), &failed)
	require.Equal(t, workflows.ErrTypeOffloadUnreachable, failed.Type())
	require.Contains(t, failed.Message(), "reads have failed since 2026-03-21T12:")
}
