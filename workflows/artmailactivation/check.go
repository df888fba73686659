package artmailactivation

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// checking is a "check-approval" under way on the agent's own task queue.
type checking struct {
	messageID string
	queue     string
	until     time.Time
	cancel    workflow.CancelFunc
	settled   workflow.Future
}

func (c checking) is(check lifecycle.Check) bool {
	return c.messageID == check.Params.MessageID && c.queue == check.Queue && c.until.Equal(check.Until)
}

// startChecks brings the checks under way in line with those that the state calls for: an approval that was answered, or whose clock
// stands still, is not asked about any more.
func (a *activation) startChecks(ctx workflow.Context) {
	now := workflow.Now(ctx)
	wanted := a.state.Checks(now)

	var left []checking
	for _, c := range a.checking {
		if slices.ContainsFunc(wanted, c.is) {
			left = append(left, c)
		} else {
			c.cancel()
		}
	}
	a.checking = left

	for _, check := range wanted {
		if len(a.checking) == maxChecking {
			return
		}
		if slices.ContainsFunc(a.checking, func(c checking) bool { return c.is(check) }) {
			continue
		}
		policy := checkApprovalPolicy(check.Queue, check.Title, check.Until.Sub(now))
		each, cancel := workflow.WithCancel(workflow.WithActivityOptions(ctx, policy))
		a.checking = append(a.checking, checking{
			messageID: check.Params.MessageID,
			queue:     check.Queue,
			until:     check.Until,
			cancel:    cancel,
			settled:   workflow.ExecuteActivity(each, workflows.ActivityArtmailCheckApproval, check.Params),
		})
	}
}

func (a *activation) anyChecked() bool {
	for _, c := range a.checking {
		if c.settled.IsReady() {
			return true
		}
	}
	return false
}

// collectChecks applies what checks found. One that ended without an answer lets its approval expire, and its error goes to the log: it
// is the agent author's own.
func (a *activation) collectChecks(ctx workflow.Context) {
	var left []checking
	for _, c := range a.checking {
		if !c.settled.IsReady() {
			left = append(left, c)
			continue
		}
		now := workflow.Now(ctx)
		var result workflows.CheckApprovalResult
		if err := c.settled.Get(ctx, &result); err != nil {
			workflow.GetLogger(ctx).Info("check of an approval ended", "messageId", c.messageID, "error", err)
			a.note(ctx, a.state.CheckEnded(c.messageID, now))
			continue
		}
		a.note(ctx, a.state.Checked(c.messageID, result, now))
	}
	a.checking = left
}
