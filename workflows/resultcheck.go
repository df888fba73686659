package workflows

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// ResultCheck says whether the result of a case matches the resultSchema of its request. Offload does not check the result (Offload,
// "Result schema"), so Signalbox does after the end. A mismatch never makes a case fail.
type ResultCheck struct {
	Verdict ResultVerdict `json:"verdict"`
	// Violations are set if Verdict is off_schema: at most MaxSchemaViolations, sorted by place. More counts the others.
	Violations []SchemaViolation `json:"violations,omitempty"`
	More       int               `json:"more,omitempty"`
	// Reason says why the result was not checked, if Verdict is schema_unusable or unchecked.
	Reason string `json:"reason,omitempty"`
}

// Problems lists the problems for people: the reason, or the violations. It is empty if the result matches.
func (c ResultCheck) Problems() []string {
	var problems []string
	if c.Reason != "" {
		problems = append(problems, c.Reason)
	}
	for _, v := range c.Violations {
		problems = append(problems, cmp.Or(v.At, "the result")+": "+v.Reason)
	}
	if c.More > 0 {
		problems = append(problems, fmt.Sprintf("and %d more", c.More))
	}
	return problems
}

// ResultVerdict is the conclusion of a ResultCheck.
type ResultVerdict string

// Conclusions of a ResultCheck.
const (
	ResultMatches ResultVerdict = "matches"
	// ResultOffSchema: the result does not match the schema, or a completed case has no result. It raises AttentionResultOffSchema.
	ResultOffSchema ResultVerdict = "off_schema"
	// ResultSchemaUnusable: the request's resultSchema is not a usable JSON Schema. Package signalbox refuses to start a case with one.
	ResultSchemaUnusable ResultVerdict = "schema_unusable"
	// ResultUnchecked: the result is too large for the outcome, or checking it would take too long.
	ResultUnchecked ResultVerdict = "unchecked"
)

// SchemaViolation is one place where a result does not match its schema. It never contains a value of the result.
type SchemaViolation struct {
	// At is a JSON pointer into the result (RFC 6901), at most MaxShortTextBytes; empty means the whole result.
	At string `json:"at"`
	// Reason says what is wrong there, at most MaxShortTextBytes.
	Reason string `json:"reason"`
}

// MaxSchemaViolations is the most violations that a ResultCheck lists.
const MaxSchemaViolations = 20

// CheckResultParams is the argument of the activity "offload.check-result".
type CheckResultParams struct {
	// Schema is the resultSchema of the request.
	Schema json.RawMessage `json:"schema"`
	// Result is empty if a completed case has none.
	Result json.RawMessage `json:"result,omitempty"`
}
