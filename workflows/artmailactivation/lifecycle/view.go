package lifecycle

import (
	"github.com/signalbox-dev/signalbox/workflows"
)

// View returns the state for the query "state", without the options.
func View(a Activation) workflows.ActivationState {
	s := &a.State
	_, at, reason := statusOf(s)
	v := workflows.ActivationState{
		Agent: a.Start.Agent, ActivationID: a.Start.ActivationID,
		Status: s.Status, StatusAt: at, Since: s.Since, StatusReason: reason,
		WaitingFor: WaitingFor(a), Attention: Attention(a),
		EventsApplied: s.EventsApplied, Duplicates: s.Duplicates, LateEvents: s.LateEvents, LastApplied: s.LastApplied,
	}
	if s.Activated != nil {
		v.User, v.SealedAPIKey = s.Activated.User, s.Activated.SealedAPIKey
	}
	for i := range s.Approvals {
		approval := s.Approvals[i].Approval
		approval.DueAt, _ = deadlineOf(s, &s.Approvals[i])
		v.Approvals = append(v.Approvals, approval)
	}
	for i := range s.Runs {
		v.Runs = append(v.Runs, s.Runs[i].Run)
	}
	return v
}
