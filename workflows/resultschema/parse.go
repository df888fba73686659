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
type limits struct{ bytes, values, depth int }

var (
	schemaLimits = limits{bytes: workflows.MaxJSONBytes, values: 5_000, depth: 100}
	resultLimits = limits{bytes: workflows.MaxJSONBytes, values: workflows.MaxJSONBytes, depth: 100}
)

// Limits of numbers. The library keeps numbers exactly, so a short text such as 1e999999999 would need gigabytes.
const (
	maxDigits   = 400
	maxExponent = 400
)

// parse reads a JSON document within limits. Its errors are continuations of "the schema" or "the result", and contain no value.
func parse(raw json.RawMessage, most limits) (any, error) {
	if len(raw) > most.bytes {
		return nil, fmt.Errorf("has %d bytes, at most %d: shorten it", len(raw), most.bytes)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, errors.New("is not valid JSON")
	}
	left := most.values
	if err := bounded(value, most.depth, &left); err != nil {
		return nil, err
	}
	return value, nil
}

func bounded(value any, depth int, left *int) error {
	*left--
	switch {
	case depth < 0:
		return errors.New("is nested too deeply, at most 100 levels")
	case *left < 0:
		return errors.New("has too many parts: simplify it")
	}
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			if err := bounded(member, depth-1, left); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := bounded(item, depth-1, left); err != nil {
				return err
			}
		}
	case json.Number:
		return boundedNumber(string(v))
	}
	return nil
}

func boundedNumber(number string) error {
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

// nodes returns the number of JSON values in a value, itself included.
func nodes(value any) int {
	n := 1
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			n += nodes(member)
		}
	case []any:
		for _, item := range v {
			n += nodes(item)
		}
	}
	return n
}
