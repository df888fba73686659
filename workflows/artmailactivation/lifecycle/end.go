package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Cancel ends the activation in Signalbox after a person cancelled the workflow: receivers get their notices, as of a deactivation, so that the agent's
// own workflow ends too, and the key is dropped. At Artmail the activation goes on, so Status stays; the inbox records further events as late.
func Cancel(a Activation, now time.Time) Activation {
	if a.State.Ended != nil {
		return a
	}
	a = clone(a)
	end(&a, Ending{At: now, Reason: "cancelled", Cancelled: true}, "the workflow was cancelled", now)
	change := workflows.ActivationChange{Status: workflows.ActivationDeactivated, At: now, Reason: "cancelled in Signalbox"}
	addNotice(&a, workflows.NoticeActivationDeactivated, workflows.NoticeData{Activation: &change}, a.State.Outbox.NewSubject(now), now)
	deriveStatus(&a.State, now)
	return a
}

// end voids open approvals and runs. It drops the key, which Artmail has revoked, and the user, who is no longer needed.
func end(a *Activation, ending Ending, why string, now time.Time) {
	s := &a.State
	s.Ended, s.Early, s.Failed = &ending, nil, nil
	if s.Activated != nil {
		s.Activated = &Activated{At: s.Activated.At}
	}
	as := closing{status: workflows.ApprovalVoided, source: workflows.NewsByWebhook, reason: why}
	if ending.Cancelled {
		as.status, as.source = workflows.ApprovalCancelled, workflows.NewsByApp
	}
	for i := range s.Approvals {
		if approval := &s.Approvals[i]; approval.Status == workflows.ApprovalOpen {
			closeApproval(a, approval, as, now)
		}
	}
	for i := range s.Runs {
		if run := &s.Runs[i]; run.Status == workflows.RunOpen {
			run.Status, run.ClosedAt, run.Reason = workflows.RunVoided, now, why
			addRunEndNotice(a, run, workflows.NoticeRunVoided, now)
		}
	}
}

func refuseEnded(what string) error {
	return rules.Refuse(workflows.ErrTypeActivationEnded, "%s: the activation has ended", what)
}
