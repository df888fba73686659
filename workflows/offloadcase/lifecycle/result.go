package lifecycle

import (
	"encoding/json"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// checkResultParams is what is to be checked once Offload has ended the case; nil where there is nothing to check, or where it was checked
// already. A result that a late event fills in is checked again.
func checkResultParams(c Case) *workflows.CheckResultParams {
	s := c.State
	schema, result := resultSchema(c), s.Facts.Result
	switch {
	case len(schema) == 0 || !isEnd(s.Facts.Status) || s.Facts.Omits(workflows.FieldResult):
		return nil
	case len(result) == 0 && s.Facts.Status != workflows.OffloadCompleted:
		return nil
	case s.ResultCheck != nil && s.CheckedBytes == len(result):
		return nil
	}
	return &workflows.CheckResultParams{Schema: schema, Result: result}
}

// resultSchema is that of the request, if there is any. Of a case that was adopted by its caseId, the request is not known.
func resultSchema(c Case) json.RawMessage {
	if c.Start.Request == nil {
		return nil
	}
	return c.Start.Request.ResultSchema
}

// resultCheck is the check as the outcome shows it.
func resultCheck(c Case) *workflows.ResultCheck {
	facts := c.State.Facts
	if len(resultSchema(c)) > 0 && isEnd(facts.Status) && facts.Omits(workflows.FieldResult) {
		return &workflows.ResultCheck{Verdict: workflows.ResultUnchecked, Reason: "the result is too large for the outcome"}
	}
	return c.State.ResultCheck
}

func offSchema(s State) bool {
	return s.ResultCheck != nil && s.ResultCheck.Verdict == workflows.ResultOffSchema && !s.Facts.Omits(workflows.FieldResult)
}

// ResultChecked takes in what the check of a result found.
func ResultChecked(c Case, params workflows.CheckResultParams, found workflows.ResultCheck) Case {
	c.State.ResultCheck, c.State.CheckedBytes = &found, len(params.Result)
	return c
}

// ResultCheckFailed takes in that the result could not be checked.
func ResultCheckFailed(c Case, params workflows.CheckResultParams, f rules.Failure) Case {
	return ResultChecked(c, params, workflows.ResultCheck{
		Verdict: workflows.ResultUnchecked, Reason: workflows.Clip("the check failed: "+f.Message, workflows.MaxShortTextBytes),
	})
}
