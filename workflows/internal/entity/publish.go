package entity

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

var (
	stateKey     = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)
	attentionKey = temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention)
	caseIDKey    = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeCaseID)
	accountKey   = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount)
	dueAtKey     = temporal.NewSearchAttributeKeyTime(workflows.SearchAttributeDueAt)
)

// Published is what a workflow shows outside: its search attributes and the details in the Web UI.
type Published struct {
	State     string
	Attention []string
	CaseID    string
	Account   string
	// DueAt is when the attention becomes urgent. Without attention it is not published.
	DueAt time.Time
	// Details are Markdown. Publish adds what to do for each attention.
	Details string
}

// readPublished reads the search attributes that are set: a client may set them at the start, and they survive continue-as-new.
func readPublished(ctx workflow.Context) Published {
	set := workflow.GetTypedSearchAttributes(ctx)
	var p Published
	p.State, _ = set.GetKeyword(stateKey)
	p.Attention, _ = set.GetKeywordList(attentionKey)
	p.CaseID, _ = set.GetKeyword(caseIDKey)
	p.Account, _ = set.GetKeyword(accountKey)
	p.DueAt, _ = set.GetTime(dueAtKey)
	return p
}

// withWhatToDo adds a line for each reason of attention.
func withWhatToDo(details string, attention []string) string {
	if len(attention) == 0 {
		return details
	}
	lines := []string{details, "", "Attention:", ""}
	for _, reason := range attention {
		sentence, _ := workflows.AttentionHelp(reason)
		lines = append(lines, "- `"+reason+"`: "+sentence)
	}
	return strings.Join(lines, "\n")
}

// Publish publishes what has changed. All search attributes change in one command, because each upsert is an event; details cost no
// event.
func (r *Run) Publish(p Published) {
	if len(p.Attention) == 0 {
		p.DueAt = time.Time{}
	}
	p.DueAt = p.DueAt.UTC().Truncate(time.Second)
	before := r.published
	var changes []temporal.SearchAttributeUpdate
	if p.State != before.State {
		changes = append(changes, stateKey.ValueSet(p.State))
	}
	if p.CaseID != before.CaseID {
		changes = append(changes, caseIDKey.ValueSet(p.CaseID))
	}
	if p.Account != before.Account {
		changes = append(changes, accountKey.ValueSet(p.Account))
	}
	if !slices.Equal(p.Attention, before.Attention) {
		if len(p.Attention) == 0 {
			changes = append(changes, attentionKey.ValueUnset())
		} else {
			changes = append(changes, attentionKey.ValueSet(p.Attention))
		}
	}
	if !p.DueAt.Equal(before.DueAt) {
		if p.DueAt.IsZero() {
			changes = append(changes, dueAtKey.ValueUnset())
		} else {
			changes = append(changes, dueAtKey.ValueSet(p.DueAt))
		}
	}
	p.Details = withWhatToDo(p.Details, p.Attention)
	if p.Details != before.Details {
		workflow.SetCurrentDetails(r.Ctx, p.Details)
	}
	r.published = p
	if len(changes) == 0 {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(r.Ctx, changes...); err != nil {
		// Only a malformed upsert fails here. The workflow goes on, but searches don't find its new values.
		workflow.GetLogger(r.Ctx).Error("search attributes not set", "error", err)
	}
}
