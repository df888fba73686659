package resultschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signalbox-dev/signalbox/workflows"
)

// limits are the limits of one document.
type limits struct{ bytes, values int }

var (
	schemaLimits = limits{bytes: workflows.MaxJSONBytes, values: MaxValues}
	resultLimits = limits{bytes: workflows.MaxJSONBytes, values: workflows.MaxJSONBytes} // in effect no limit: each value has a byte or more
)

// Limits of a schema, beside its bytes: MaxValues is how many values it may have, and MaxDepth how many objects and lists a value may be inside,
// also in a result.
const (
	MaxValues = 5_000
	MaxDepth  = 100
)

// Limits of numbers. The library keeps numbers exactly, so a short text such as 1e999999999 would need gigabytes.
const (
	maxDigits   = 400
	maxExponent = 400
)

// parse reads a JSON document within limits. Its errors continue a sentence about the schema or the result, for example "is not valid
// JSON", and contain no value.
func parse(raw json.RawMessage, l limits) (any, error) {
	if len(raw) > l.bytes {
		return nil, fmt.Errorf("has %d bytes, at most %d: shorten it", len(raw), l.bytes)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if countValues(value) > l.values {
		return nil, fmt.Errorf("has more than %d values: simplify it", l.values)
	}
	if err := checkLimits(value, 0); err != nil {
		return nil, err
	}
	return value, nil
}

// checkLimits checks the depth and the numbers of a value that is inside so many objects and lists.
func checkLimits(value any, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("is nested too deeply, at most %d levels", MaxDepth)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			if err := checkLimits(member, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := checkLimits(item, depth+1); err != nil {
				return err
			}
		}
	case json.Number:
		return checkNumber(string(v))
	}
	return nil
}

func checkNumber(number string) error {
	at := strings.IndexAny(number, "eE")
	if at >= 0 {
		exponent, err := strconv.Atoi(number[at+1:])
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return fmt.Errorf("has a number whose exponent is beyond ±%d", maxExponent)
		}
	}
	if len(number) > maxDigits {
		return fmt.Errorf("has a number of more than %d digits", maxDigits)
	}
	return nil
}
