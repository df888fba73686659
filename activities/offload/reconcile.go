package offload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

// ReconcileCase is the activity "offload.reconcile-case": one read per attempt. It returns when the read shows news (see isNews). Otherwise it
// fails with the benign OffloadNoNews, whose delay is the pause until the server tries again: months of polling add nothing to the history.
// After a failure that needs a person (any 4xx except 408 and a plain 429, an unknown account, an unreadable response), the pause is about the ceiling.
// When reads have failed with transient errors for unreachableAfter, including the pause that Retry-After asks for, the error is
// OffloadUnreachable, retried at the usual pace. Reads that our own rate holds back do not count.
func (a *Activities) ReconcileCase(ctx context.Context, p workflows.ReconcileCaseParams) (workflows.CaseSnapshot, error) {
	pacing := reconcilePacing(p.Floor, p.Ceiling)
	snapshot, err := a.read(ctx, p.Account, p.CaseID)
	if err != nil {
		return workflows.CaseSnapshot{}, a.readFailure(ctx, pacing, err)
	}
	if isNews(p.Known, snapshot.Facts) {
		return snapshot, nil
	}
	noteOutage(ctx, outage{})
	var due time.Duration
	if next := snapshot.Facts.NextActionAt; !next.IsZero() {
		due = next.Sub(snapshot.ReadAt)
	}
	return workflows.CaseSnapshot{}, noNews(snapshot, pacing.transient.afterRead(activity.GetInfo(ctx).Attempt, due, a.random()))
}

// outage counts the transient failures in a row, and says since when. The heartbeat carries it to the next attempt.
type outage struct {
	Since time.Time `json:"since,omitzero"`
	Reads int32     `json:"reads,omitempty"`
}

// unreachableAfter is how long reads may fail with transient errors before a person should look.
const unreachableAfter = 3 * time.Minute

// lastOutage returns the outage that the previous attempt recorded; zero if there is none or it can't be read.
func lastOutage(ctx context.Context) (last outage) {
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &last) != nil {
		return outage{}
	}
	return last
}

// noteOutage records an outage for the next attempt. It calls the server only if the outage has changed.
func noteOutage(ctx context.Context, current outage) {
	if current != lastOutage(ctx) {
		activity.RecordHeartbeat(ctx, current)
	}
}

// readFailure is failure for the reads of ReconcileCase: its pauses grow with consecutive failures, not with attempts. After months of polling, the
// attempt count would make each pause as long as the ceiling, and an outage could not be reported within minutes.
func (a *Activities) readFailure(ctx context.Context, pacing pacing, err error) error {
	errType, kind := classify(caseRead, err)
	if kind != transient {
		noteOutage(ctx, outage{})
		return a.failure(ctx, caseRead, pacing, err)
	}
	if errors.Is(err, offloadapi.ErrPaced) {
		// The configured rate held the read back, which says nothing about Offload: an outage neither begins nor ends.
		return a.failureOf(errType, kind, pacing, 1, err)
	}
	current := lastOutage(ctx)
	current.Reads++
	if current.Since.IsZero() {
		current.Since = a.now().UTC()
	}
	noteOutage(ctx, current)
	// The next read comes after the pause of Retry-After, so the pause counts already.
	if a.now().Sub(current.Since)+min(retryAfter(err), maxRetryAfter) >= unreachableAfter {
		errType, err = workflows.ErrTypeOffloadUnreachable, fmt.Errorf("reads have failed since %s: %w", current.Since.Format(time.RFC3339), err)
	}
	pacing.transient.floor = min(pacing.transient.floor, workflows.DefaultPollFloor.Std())
	return a.failureOf(errType, kind, pacing, current.Reads, err)
}

// noNews returns the error of a read without news. The Temporal Web UI shows it as the activity's last failure: what the provider said, and
// when the next read is.
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
