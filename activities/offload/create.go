package offload

import (
	"context"
	"fmt"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

// CreateCase is the activity "offload.create-case": POST /cases, whose repetition would be a second e-mail thread to a real vendor.
//
// Only what certainly created nothing can be retried. OffloadUncertain and a rejected request are final. The capability URL is added here
// and stands in no history.
func (a *Activities) CreateCase(ctx context.Context, p workflows.CreateCaseParams) (workflows.CreateCaseResult, error) {
	client, err := a.account(p.Account)
	if err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, once, waitedFor, err)
	}
	if err := ctx.Err(); err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, once, waitedFor, notStarted("create case", err))
	}
	// A worker that stops lets the call end: breaking it off would turn a case that exists into an uncertain one.
	call, cancel := callContext(ctx, context.WithoutCancel(ctx))
	defer cancel()

	created, err := client.CreateCase(call, p.Request, a.webhookURL(p.Reference))
	if err != nil {
		return workflows.CreateCaseResult{}, a.failure(ctx, once, waitedFor, err)
	}
	return workflows.CreateCaseResult{CaseID: created.CaseID}, nil
}

// webhookURL is the capability URL of a case. A token made with keys that have since rotated stays valid.
func (a *Activities) webhookURL(reference string) string {
	return a.publicURL + workflows.OffloadWebhookPath(reference, a.keys.Token(workflows.OffloadTokenContext(reference)...))
}

func notStarted(op string, cause error) error {
	return &offloadapi.Error{Op: op, Kind: offloadapi.NotSent, Err: fmt.Errorf("not begun: %w", cause)}
}
