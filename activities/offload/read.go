package offload

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/signalbox-dev/signalbox/workflows"
)

// maxResult, in bytes, is the largest result that goes into a history: where Temporal begins to warn, as for signals. With each byte
// escaped at worst (six for one) it stays below the 2 MiB at which Temporal fails.
const maxResult = 256 << 10

// GetCase is the activity "offload.get-case": one look, answered whatever it shows.
func (a *Activities) GetCase(ctx context.Context, p workflows.GetCaseParams) (workflows.CaseSnapshot, error) {
	snapshot, err := a.look(ctx, p.Account, p.CaseID)
	if err != nil {
		return workflows.CaseSnapshot{}, a.failure(ctx, repeatable, waitedFor, err)
	}
	return snapshot, nil
}

// look reads a case. A result too large for a history is left out and marked: it has to be read from the provider.
func (a *Activities) look(ctx context.Context, account, caseID string) (workflows.CaseSnapshot, error) {
	client, err := a.account(account)
	if err != nil {
		return workflows.CaseSnapshot{}, err
	}
	call, cancel := callContext(ctx, ctx)
	defer cancel()

	found, err := client.GetCase(call, caseID)
	if err != nil {
		return workflows.CaseSnapshot{}, err
	}
	if len(found.Lost) > 0 {
		activity.GetLogger(ctx).Warn("Offload's answer has fields that can't be read", "case", caseID, "fields", found.Lost)
	}
	facts := found.Facts()
	if len(facts.Result) > maxResult {
		facts.Result, facts.ResultOmitted = nil, true
	}
	return workflows.CaseSnapshot{Facts: facts, ReadAt: a.now().UTC()}, nil
}
