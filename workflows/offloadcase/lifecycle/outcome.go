package lifecycle

import (
	"github.com/signalbox-dev/signalbox/workflows"
)

// Outcome returns the outcome of a case that has ended.
func Outcome(c Case) workflows.CaseOutcome {
	s := c.State
	outcome := workflows.CaseOutcome{
		Reference: c.Start.Reference, Account: c.Start.Account, CaseID: s.CaseID,
		Status: s.Status, ResultStatus: s.Facts.ResultStatus, Reason: s.Reason,
		Facts: withOwnMetadata(c), ResultIs: resultIs(c), ResultCheck: resultCheck(c), Unknown: unknownFields(c), Source: s.Source, EndedAt: s.Since,
		Attention: lastingAttention(s), Answers: s.Answers,
	}
	if wantsFiles(c) {
		outcome.FilesWorkflowID = workflows.OffloadFilesWorkflowID(c.Start.Reference)
	}
	return outcome
}

// withOwnMetadata fills in the metadata of the app's request if no webhook has brought it: GET does not have it.
func withOwnMetadata(c Case) workflows.CaseFacts {
	facts := c.State.Facts
	if request := c.Start.Request; request != nil && len(facts.Metadata) == 0 && len(request.Metadata) > 0 && c.State.CaseID != "" {
		facts.Metadata = request.Metadata
		setOmitted(&facts, workflows.FieldMetadata, false)
		facts = facts.Bounded()
	}
	return facts
}

func resultIs(c Case) workflows.ResultPlace {
	facts := c.State.Facts
	switch {
	case len(facts.Result) > 0:
		return workflows.ResultInline
	case !facts.Omits(workflows.FieldResult):
		return ""
	case wantsFiles(c):
		return workflows.ResultStored
	}
	return workflows.ResultOmitted
}

// unknownFields names the fields that only webhooks have (Offload, "Get case" lists neither) if no webhook brought them. If a webhook came
// without the field, it is known to be empty, but not if the field was too large or unreadable. Metadata that the app did not send is empty.
func unknownFields(c Case) []string {
	s := c.State
	if !isEnd(s.Facts.Status) {
		return nil
	}
	var fields []string
	noReason := s.Facts.FailureReason == nil && s.Facts.Omits(workflows.FieldFailureReason)
	if s.Facts.Status == workflows.OffloadFailed && (!s.EndByWebhook || noReason) {
		fields = append(fields, workflows.FieldFailureReason)
	}
	noMetadata := len(s.Facts.Metadata) == 0 && s.Facts.Omits(workflows.FieldMetadata)
	if (!s.WebhookApplied || noMetadata) && c.Start.Request == nil {
		fields = append(fields, workflows.FieldMetadata)
	}
	return fields
}
