package artmailactivation

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

var (
	stateAttribute     = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)
	attentionAttribute = temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention)
)

// shown is what the search attributes say. They outlive continue-as-new, so each run reads them back instead of carrying them.
type shown struct {
	state     string
	attention []string
}

func alreadyShown(ctx workflow.Context) shown {
	attributes := workflow.GetTypedSearchAttributes(ctx)
	state, _ := attributes.GetKeyword(stateAttribute)
	attention, _ := attributes.GetKeywordList(attentionAttribute)
	return shown{state: state, attention: attention}
}

// show tells people where the activation stands. Search attributes are upserted only on a change, since each upsert is an event in the
// history; current details cost nothing. The memo is upserted each time options are told, for whoever told them looks there for whether to
// tell them again.
func (a *activation) show(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, a.state.Details())
	if a.configured {
		a.configured = false
		err := workflow.UpsertMemo(ctx, map[string]any{workflows.MemoActivationOptions: a.state.Start.Options})
		if err != nil {
			return fmt.Errorf("show the options: %w", err)
		}
	}

	var updates []temporal.SearchAttributeUpdate
	if state := string(a.state.Status); state != a.shown.state {
		a.shown.state = state
		updates = append(updates, stateAttribute.ValueSet(state))
	}
	if attention := a.state.Attention(); !slices.Equal(attention, a.shown.attention) {
		a.shown.attention = attention
		if len(attention) == 0 {
			updates = append(updates, attentionAttribute.ValueUnset())
		} else {
			updates = append(updates, attentionAttribute.ValueSet(attention))
		}
	}
	if len(updates) == 0 {
		return nil
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		return fmt.Errorf("show the state: %w", err)
	}
	return nil
}
