package offload

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/signalbox-dev/signalbox/workflows"
)

// GetCase is the activity "offload.get-case". It reads the case once.
func (a *Activities) GetCase(ctx context.Context, p workflows.GetCaseParams) (workflows.CaseSnapshot, error) {
	snapshot, err := a.read(ctx, p.Account, p.CaseID)
	if err != nil {
		return workflows.CaseSnapshot{}, a.failure(ctx, caseRead, callPacing, err)
	}
	return snapshot, nil
}

// read reads a case. It leaves out parts that are too large for a history or can't be read, and names them in Omitted.
func (a *Activities) read(ctx context.Context, account, caseID string) (workflows.CaseSnapshot, error) {
	client, err := a.account(account)
	if err != nil {
		return workflows.CaseSnapshot{}, err
	}
	call, cancel := callContext(ctx)
	defer cancel()

	found, err := client.GetCase(call, caseID)
	if err != nil {
		return workflows.CaseSnapshot{}, err
	}
	if len(found.Lost) > 0 {
		activity.GetLogger(ctx).Warn("unreadable fields in Offload's response", "case", caseID, "fields", found.Lost)
	}
	return workflows.CaseSnapshot{Facts: found.Facts().Bounded(), ReadAt: a.now().UTC()}, nil
}
