package offloadcase

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// metricTransitions counts changes of a case's status, by the new status and by what brought it: how often polling had to repair a
// lost webhook is a number that someone should watch.
const metricTransitions = "signalbox_case_transitions"

var (
	stateKey     = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)
	attentionKey = temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention)
	caseIDKey    = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeCaseID)
)

// published is what the search attributes are set to. A client may set them with the start, and each upsert is an event in the
// history, so only a value that differs is written.
type published struct {
	state     string
	attention []string
	caseID    string
	details   string
}

func readPublished(ctx workflow.Context) published {
	set := workflow.GetTypedSearchAttributes(ctx)
	var p published
	p.state, _ = set.GetKeyword(stateKey)
	p.attention, _ = set.GetKeywordList(attentionKey)
	p.caseID, _ = set.GetKeyword(caseIDKey)
	return p
}

// publish shows the case in the search attributes and in the Web UI's details.
func (r *run) publish() {
	var changes []temporal.SearchAttributeUpdate
	if state := string(r.c.State.Status); state != r.published.state {
		r.published.state = state
		changes = append(changes, stateKey.ValueSet(state))
	}
	if id := r.c.State.CaseID; id != r.published.caseID {
		r.published.caseID = id
		changes = append(changes, caseIDKey.ValueSet(id))
	}
	if attention := lifecycle.Attention(r.c.State); !slices.Equal(attention, r.published.attention) {
		r.published.attention = attention
		if len(attention) == 0 {
			changes = append(changes, attentionKey.ValueUnset())
		} else {
			changes = append(changes, attentionKey.ValueSet(attention))
		}
	}
	if len(changes) > 0 {
		if err := workflow.UpsertTypedSearchAttributes(r.ctx, changes...); err != nil {
			// Only a malformed update is refused here; the case goes on without being found.
			workflow.GetLogger(r.ctx).Error("search attributes not set", "error", err)
		}
	}
	if details := lifecycle.Details(r.c); details != r.published.details {
		r.published.details = details
		workflow.SetCurrentDetails(r.ctx, details)
	}
}

// count reports a change of the status.
func (r *run) count(next lifecycle.Case) {
	if next.State.Status == r.c.State.Status {
		return
	}
	workflow.GetMetricsHandler(r.ctx).WithTags(map[string]string{
		"state": string(next.State.Status), "source": string(next.State.Source),
	}).Counter(metricTransitions).Inc(1)
	workflow.GetLogger(r.ctx).Info("case changed", "state", next.State.Status, "source", next.State.Source, "case", next.State.CaseID)
}
