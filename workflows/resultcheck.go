package workflows

import "encoding/json"

// ResultCheck says whether the result of a case is what the resultSchema of its request describes. Offload takes the schema as guidance and
// doesn't check the result (Offload, "Result schema"), so Signalbox does, once the case has ended. It never makes a case fail.
type ResultCheck struct {
	Verdict ResultVerdict `json:"verdict"`
	// Violations are set where Verdict is off_schema: at most MaxSchemaViolations, sorted by place. More counts those beyond.
	Violations []SchemaViolation `json:"violations,omitempty"`
	More       int               `json:"more,omitempty"`
	// Reason says why the result was not checked: Verdict is schema_unusable or unchecked.
	Reason string `json:"reason,omitempty"`
}

// ResultVerdict is what the check of a result has found.
type ResultVerdict string

// Verdicts on a result.
const (
	ResultMatches ResultVerdict = "matches"
	// ResultOffSchema: the result is not what the schema describes, or a completed case has none. It raises AttentionResultOffSchema.
	ResultOffSchema ResultVerdict = "off_schema"
	// ResultSchemaUnusable: the request's resultSchema is no JSON Schema that can be used. Clients in Go refuse such a start.
	ResultSchemaUnusable ResultVerdict = "schema_unusable"
	// ResultUnchecked: the result is too large for the outcome, or checking it would take too long.
	ResultUnchecked ResultVerdict = "unchecked"
)

// SchemaViolation is one place where a result is not what its schema describes. It never holds a value of the result.
type SchemaViolation struct {
	// At is a JSON pointer into the result (RFC 6901), at most MaxShortTextBytes; empty is the result itself.
	At string `json:"at"`
	// Reason says what is wrong there, at most MaxShortTextBytes.
	Reason string `json:"reason"`
}

// MaxSchemaViolations bounds the violations that a ResultCheck lists.
const MaxSchemaViolations = 20

// CheckResultParams is the argument of the activity "offload.check-result".
type CheckResultParams struct {
	// Schema is the resultSchema of the request.
	Schema json.RawMessage `json:"schema"`
	// Result is empty where a completed case has none.
	Result json.RawMessage `json:"result,omitempty"`
}
