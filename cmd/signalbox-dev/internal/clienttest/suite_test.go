package clienttest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/notify"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest/conformance"
)

func TestTheRealServerBehavesAsTheFake(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	apps, err := signalbox.New(shared, signalbox.Options{Keyring: ring})
	require.NoError(t, err)
	provider := signalboxtest.NewProvider(t, ring, time.Now, deliver)
	startWorkers(t, provider)
	t.Run("suite", func(t *testing.T) { //nolint:paralleltest // the workers stop with the outer test
		conformance.Run(t, conformance.World{Apps: apps, Provider: provider, Terminate: func(t *testing.T, workflowID string) {
			t.Helper()
			stories.Terminate(t, shared, workflowID)
		}})
	})
	requireGivenUpNoticesAreListed(t)
}

// deliver signals as the relay does.
func deliver(workflowID, signal string, start, events any) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	_, err := stories.Retry(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		if start == nil {
			return nil, shared.SignalWorkflow(ctx, workflowID, "", signal, events) //nolint:wrapcheck // a test
		}
		return shared.SignalWithStartWorkflow(ctx, workflowID, signal, events, client.StartWorkflowOptions{
			ID: workflowID, TaskQueue: workflows.TaskQueueWorkflows, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, workflows.ArtmailActivationWorkflow, start)
	})
	return err //nolint:wrapcheck // a test
}

// startWorkers runs the real workflows, with activities that call the provider of the test.
func startWorkers(t *testing.T, provider *signalboxtest.Provider) {
	t.Helper()
	notices, err := notice.New(notice.Config{Temporal: shared, Now: time.Now, Agents: map[string]notice.Agent{"pages": {}}})
	require.NoError(t, err)
	flows := sdkworker.New(shared, workflows.TaskQueueWorkflows, sdkworker.Options{})
	flows.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	flows.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	flows.RegisterWorkflowWithOptions(notify.Workflow, workflow.RegisterOptions{Name: workflows.NotifyWorkflow})
	flows.RegisterActivityWithOptions(notices.HandOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	flows.RegisterActivityWithOptions(func(_ context.Context, p workflows.CheckResultParams) (workflows.ResultCheck, error) {
		return resultschema.Check(p.Schema, p.Result), nil
	}, activity.RegisterOptions{Name: workflows.ActivityOffloadCheckResult})
	calls := sdkworker.New(shared, workflows.TaskQueueOffload, sdkworker.Options{})
	polls := sdkworker.New(shared, workflows.TaskQueueOffloadPoll, sdkworker.Options{})
	calls.RegisterActivityWithOptions(func(_ context.Context, p workflows.CreateCaseParams) (workflows.CreateCaseResult, error) {
		caseID, how := provider.Create(p.Reference, p.Request)
		switch how {
		case signalboxtest.CreationUncertain:
			return workflows.CreateCaseResult{}, temporal.NewNonRetryableApplicationError("lost", workflows.ErrTypeOffloadUncertain, nil)
		case signalboxtest.CreationRejected:
			return workflows.CreateCaseResult{}, temporal.NewNonRetryableApplicationError("invalid", workflows.ErrTypeOffloadInvalidRequest, nil)
		}
		return workflows.CreateCaseResult{CaseID: caseID}, nil
	}, activity.RegisterOptions{Name: workflows.ActivityOffloadCreateCase})
	calls.RegisterActivityWithOptions(func(_ context.Context, p workflows.ProvideInputParams) (workflows.ProvideInputResult, error) {
		return provider.AcceptInput(p.CaseID), nil
	}, activity.RegisterOptions{Name: workflows.ActivityOffloadProvideInput})
	calls.RegisterActivityWithOptions(func(_ context.Context, p workflows.GetCaseParams) (workflows.CaseSnapshot, error) {
		return read(provider, p.CaseID)
	}, activity.RegisterOptions{Name: workflows.ActivityOffloadGetCase})
	polls.RegisterActivityWithOptions(func(_ context.Context, p workflows.ReconcileCaseParams) (workflows.CaseSnapshot, error) {
		seen, err := read(provider, p.CaseID)
		if err != nil {
			return seen, err
		}
		if p.Known.Status == seen.Facts.Status {
			return workflows.CaseSnapshot{}, temporal.NewApplicationErrorWithOptions("no news", workflows.ErrTypeOffloadNoNews, temporal.ApplicationErrorOptions{
				NextRetryDelay: time.Hour, Category: temporal.ApplicationErrorCategoryBenign,
			})
		}
		return seen, nil
	}, activity.RegisterOptions{Name: workflows.ActivityOffloadReconcileCase})
	for _, one := range []sdkworker.Worker{flows, calls, polls} {
		require.NoError(t, one.Start())
		t.Cleanup(one.Stop)
	}
}

func read(provider *signalboxtest.Provider, caseID string) (workflows.CaseSnapshot, error) {
	snapshot, found := provider.Read(caseID)
	if !found {
		return snapshot, temporal.NewApplicationError("not found", workflows.ErrTypeOffloadNotFound)
	}
	return snapshot, nil
}
