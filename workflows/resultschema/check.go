package resultschema

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ErrSchema: a schema can't be used. The message names the place in the schema and the fix, and contains no value.
var ErrSchema = errors.New("not a usable JSON Schema")

// Validate returns why a schema can't be used, or nil. It takes about a second at most.
func Validate(schema json.RawMessage) error {
	_, err := compile(schema, newBudget())
	return err
}

// Check compares a result with a schema. An empty result means that the case was completed without one. The ResultCheck is within the
// limits of the contract. It is always the same, except close to the limit of work.
func Check(schema, result json.RawMessage) workflows.ResultCheck {
	work := newBudget()
	compiled, err := compile(schema, work)
	if err != nil {
		return workflows.ResultCheck{Verdict: workflows.ResultSchemaUnusable, Reason: short(err.Error())}
	}
	if len(result) == 0 {
		return offSchema([]workflows.SchemaViolation{{Reason: "the case was completed without a result"}})
	}
	value, err := parse(result, resultLimits)
	if err != nil {
		return unchecked(fmt.Errorf("the result %w", err))
	}
	violation, err := validate(compiled, value, work)
	switch {
	case err != nil:
		return unchecked(err)
	case violation == nil:
		return workflows.ResultCheck{Verdict: workflows.ResultMatches}
	}
	return offSchema(violations(violation))
}

func unchecked(err error) workflows.ResultCheck {
	return workflows.ResultCheck{Verdict: workflows.ResultUnchecked, Reason: short(err.Error())}
}

func offSchema(all []workflows.SchemaViolation) workflows.ResultCheck {
	listed := all[:min(len(all), workflows.MaxSchemaViolations)]
	return workflows.ResultCheck{Verdict: workflows.ResultOffSchema, Violations: listed, More: len(all) - len(listed)}
}

func validate(schema *jsonschema.Schema, value any, work *budget) (violation *jsonschema.ValidationError, err error) {
	err = work.within(func() error {
		found := schema.Validate(value)
		if found != nil && !errors.As(found, &violation) {
			return errors.New("the result can't be checked")
		}
		return nil
	})
	return violation, err
}
