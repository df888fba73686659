package offloadcase

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// publish publishes the case in search attributes and in the Web UI's details. Attention, and when it becomes urgent, are in lifecycle/attention.go.
func (r *run) publish() {
	s := r.c.State
	r.Publish(entity.Published{
		State: string(s.Status), Attention: lifecycle.Attention(s), CaseID: s.CaseID,
		Account: r.c.Start.Account,
		DueAt:   lifecycle.DueAt(r.c), Details: lifecycle.Details(r.c),
	})
}

// apply makes next the current case, and reports a change of its status.
func (r *run) apply(next lifecycle.Case) {
	before := r.c.State.Status
	r.c = next
	s := next.State
	if s.Status == before {
		return
	}
	workflow.GetMetricsHandler(r.Ctx).WithTags(map[string]string{
		"state": string(s.Status), "source": string(s.Source),
	}).Counter(workflows.MetricCaseTransitions).Inc(1)
	workflow.GetLogger(r.Ctx).Info("case status changed", "state", s.Status, "source", s.Source, "case", s.CaseID)
}
