package offload

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Fit implements hook.Provider. It first bounds each part as the contract says (CaseFacts.Bounded in workflows/casebounds.go). If the event is
// still too large, it removes the metadata, or else the result, or else both, or else everything but IDs, statuses and numbers, so that the end of a
// case always arrives. CaseFacts.Omitted names each removed part, so that the workflow can read it from the provider or say that it is unknown.
func Fit(event workflows.CaseEvent, limit int) (workflows.CaseEvent, json.RawMessage, error) {
	bounded := event.Facts.Bounded()
	for _, fit := range []func(workflows.CaseFacts) workflows.CaseFacts{
		func(f workflows.CaseFacts) workflows.CaseFacts { return f },
		withoutMetadata,
		withoutResult,
		func(f workflows.CaseFacts) workflows.CaseFacts { return withoutResult(withoutMetadata(f)) },
		withoutTexts,
	} {
		event.Facts = fit(bounded)
		encoded, err := json.Marshal(event)
		if err != nil {
			return event, nil, fmt.Errorf("%w: encode: %w", hook.ErrUnparseable, err)
		}
		if len(encoded) <= limit {
			return event, encoded, nil
		}
	}
	return event, nil, fmt.Errorf("%w: its IDs alone have more than the limit of %d bytes", hook.ErrUnparseable, limit)
}

func withoutMetadata(f workflows.CaseFacts) workflows.CaseFacts {
	if len(f.Metadata) == 0 {
		return f
	}
	f.Metadata = nil
	return f.Omitting(workflows.FieldMetadata)
}

func withoutResult(f workflows.CaseFacts) workflows.CaseFacts {
	if len(f.Result) == 0 {
		return f
	}
	f.Result = nil
	return f.Omitting(workflows.FieldResult)
}

func withoutTexts(f workflows.CaseFacts) workflows.CaseFacts {
	f = withoutResult(withoutMetadata(f))
	if len(f.Attachments) > 0 {
		f.Attachments = nil
		f = f.Omitting(workflows.FieldAttachments)
	}
	if f.FailureReason != nil {
		f.FailureReason = nil
		f = f.Omitting(workflows.FieldFailureReason)
	}
	if f.Question != nil && f.Question.Text != "" {
		question := *f.Question
		question.Text = ""
		f.Question = &question
		f = f.Omitting(workflows.FieldQuestion)
	}
	return f
}
