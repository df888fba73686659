package offload

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ReconcileCase is the activity "offload.reconcile-case": one read per attempt. It returns when the read shows news, also a
// status that is not documented; else it fails with the benign OffloadNoNews, whose delay is the pause until the server tries again, so that
// months of reading add nothing to the history. Trouble (401, 403, 404, an unknown account, an answer that can't be read) is tried again after
// the ceiling.
func (a *Activities) ReconcileCase(ctx context.Context, p workflows.ReconcileCaseParams) (workflows.CaseSnapshot, error) {
	pacing := reconciling(p.Floor, p.Ceiling)
	snapshot, err := a.read(ctx, p.Account, p.CaseID)
	if err != nil {
		return workflows.CaseSnapshot{}, a.failure(ctx, reading, pacing, err)
	}
	if isNews(p.Known, snapshot.Facts) {
		return snapshot, nil
	}
	var due time.Duration
	if next := snapshot.Facts.NextActionAt; !next.IsZero() {
		due = next.Sub(snapshot.ReadAt)
	}
	return workflows.CaseSnapshot{}, noNews(snapshot, pacing.soon.afterRead(activity.GetInfo(ctx).Attempt, due, a.random()))
}

// noNews is what the Temporal Web UI shows as the last failure of the waiting activity: what the provider said, and when the next read is.
func noNews(seen workflows.CaseSnapshot, delay time.Duration) error {
	said := []string{"Offload says " + seen.Facts.Status}
	if q := seen.Facts.Question; q != nil && seen.Facts.Status == workflows.OffloadInputNeeded {
		said = append(said, "question "+q.Status)
	}
	if t := seen.Facts.UpdatedAt; !t.IsZero() {
		said = append(said, "unchanged since "+t.Format(time.RFC3339))
	}
	said = append(said, fmt.Sprintf("%d messages sent", seen.Facts.AttemptCount))
	if t := seen.Facts.NextActionAt; !t.IsZero() {
		said = append(said, "next action "+t.Format(time.RFC3339))
	}
	message := fmt.Sprintf("no news: %s; next read in %s, at %s",
		strings.Join(said, ", "), delay.Round(time.Second), seen.ReadAt.Add(delay).Format(time.RFC3339))
	return temporal.NewApplicationErrorWithOptions(message, workflows.ErrTypeOffloadNoNews, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay,
		Category:       temporal.ApplicationErrorCategoryBenign,
	})
}
