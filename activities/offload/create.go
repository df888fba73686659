package offload

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

// CreateCase is the activity "offload.create-case": POST /cases. A second POST would start a second e-mail thread with a real vendor.
//
// A failure is retried only if it certainly created nothing: classify, in failure.go, decides that by the Kind of the error, in offloadapi/kind.go.
// OffloadUncertain and a rejected request are final. A run that was reset posts only if a person asked it to. The capability URL is added here,
// so that no history contains it.
func (a *Activities) CreateCase(ctx context.Context, p workflows.CreateCaseParams) (workflows.CreateCaseResult, error) {
	client, err := a.account(p.Account)
	if err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, neverRepeat, callPacing, err)
	}
	if own := activity.GetInfo(ctx).WorkflowExecution.RunID; wasReset(p, own) {
		return workflows.CreateCaseResult{}, temporal.NewNonRetryableApplicationError(
			"create case: this run was reset, so the case may exist: look for it at Offload, then ask again: adopt-case or retry-create (an update that you send to Temporal yourself needs the runId "+own+")",
			workflows.ErrTypeOffloadUncertain, nil)
	}
	if err := ctx.Err(); err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, neverRepeat, callPacing, notStarted("create case", err))
	}
	// Stopping the worker does not cancel the call: after a cancelled call it is uncertain whether the case exists.
	call, cancel := callContext(context.WithoutCancel(ctx))
	defer cancel()

	created, err := client.CreateCase(call, p.Request, a.webhookURL(p.Reference))
	if err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, neverRepeat, callPacing, err)
	}
	return workflows.CreateCaseResult{CaseID: created.CaseID}, nil
}

// webhookURL returns the capability URL of a case. Its token stays valid after the keys are rotated.
func (a *Activities) webhookURL(reference string) string {
	return a.publicURL + workflows.OffloadWebhookPath(reference, a.keys.Token(workflows.OffloadTokenContext(reference)...))
}

func notStarted(op string, cause error) error {
	return &offloadapi.Error{Op: op, Kind: offloadapi.NotSent, Err: fmt.Errorf("not begun: %w", cause)}
}
