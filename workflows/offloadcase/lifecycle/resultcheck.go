package lifecycle

import (
	"encoding/json"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// resultCheckParams returns the result to check once Offload has ended the case; nil if there is nothing to check, or the result was
// checked. A result that a late event brings is checked again.
func resultCheckParams(c Case) *workflows.CheckResultParams {
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

// resultSchema returns the schema of the request, if any. The request of an adopted case is not known.
func resultSchema(c Case) json.RawMessage {
	if c.Start.Request == nil {
		return nil
	}
	return c.Start.Request.ResultSchema
}

// resultCheck returns the check for the outcome.
func resultCheck(c Case) *workflows.ResultCheck {
	facts := c.State.Facts
	if len(resultSchema(c)) > 0 && isEnd(facts.Status) && facts.Omits(workflows.FieldResult) {
		return &workflows.ResultCheck{Verdict: workflows.ResultUnchecked, Reason: "the result is not in the outcome: it was too large, or could not be read"}
	}
	return c.State.ResultCheck
}

func offSchema(s State) bool {
	return s.ResultCheck != nil && s.ResultCheck.Verdict == workflows.ResultOffSchema && !s.Facts.Omits(workflows.FieldResult)
}

// ResultChecked applies the conclusion of a result check.
func ResultChecked(c Case, params workflows.CheckResultParams, found workflows.ResultCheck) Case {
	c.State.ResultCheck, c.State.CheckedBytes = &found, len(params.Result)
	return c
}

// ResultCheckFailed applies a result check that failed.
func ResultCheckFailed(c Case, params workflows.CheckResultParams, f rules.Failure) Case {
	return ResultChecked(c, params, workflows.ResultCheck{
		Verdict: workflows.ResultUnchecked, Reason: workflows.Clip("the check failed: "+f.Message, workflows.MaxShortTextBytes),
	})
}
