package resultschema

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/signalbox-dev/signalbox/workflows"
)

// violations returns the problems, sorted and without duplicates. For alternatives (anyOf, oneOf, contains) it reports that none matches,
// not why each does not.
func violations(found *jsonschema.ValidationError) []workflows.SchemaViolation {
	all := collect(nil, found)
	slices.SortFunc(all, func(a, b workflows.SchemaViolation) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Reason, b.Reason))
	})
	return slices.Compact(all)
}

func collect(all []workflows.SchemaViolation, found *jsonschema.ValidationError) []workflows.SchemaViolation {
	say := func(reason string, deeper ...string) {
		all = append(all, workflows.SchemaViolation{At: pointer(append(slices.Clone(found.InstanceLocation), deeper...)), Reason: short(reason)})
	}
	switch k := found.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range found.Causes {
			all = collect(all, cause)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			say(fmt.Sprintf("property %q is missing", name))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			say("the schema allows no property of this name", name)
		}
	case *kind.PropertyNames:
		say("the schema does not allow this property name", k.Property)
	case *kind.Format:
		var other *jsonschema.ValidationError
		if value := (otherValue{}); errors.As(k.Err, &value) && errors.As(value.error, &other) {
			say(reason(other.Causes[0].ErrorKind))
			break
		}
		say(reason(k))
	default:
		say(reason(found.ErrorKind))
	}
	return all
}

// reason says what the schema requires. Of the value it names only the type, since the value may be personal data.
func reason(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("it is of type %s, want %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Const:
		return "it is not the value that the schema names"
	case *kind.Enum:
		return fmt.Sprintf("it is none of the %d values that the schema names", len(k.Want))
	case *kind.Format:
		return "it is not in the format " + strconv.Quote(k.Want)
	case *kind.Pattern:
		return "it does not match the pattern " + strconv.Quote(k.Want)
	case *kind.MinLength:
		return fmt.Sprintf("it has too few characters, want at least %d", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("it has too many characters, want at most %d", k.Want)
	case *kind.Minimum:
		return "it is too small, want at least " + number(k.Want)
	case *kind.Maximum:
		return "it is too large, want at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "it is too small, want more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "it is too large, want less than " + number(k.Want)
	case *kind.MultipleOf:
		return "it is not a multiple of " + number(k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("it has too few items, want at least %d", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("it has too many items, want at most %d", k.Want)
	case *kind.AdditionalItems:
		return fmt.Sprintf("it has %d items more than the schema allows", k.Count)
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are the same", k.Duplicates[0], k.Duplicates[1])
	case *kind.MinProperties:
		return fmt.Sprintf("it has too few properties, want at least %d", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("it has too many properties, want at most %d", k.Want)
	case *kind.Dependency:
		return requires(k.Prop, k.Missing)
	case *kind.DependentRequired:
		return requires(k.Prop, k.Missing)
	case *kind.Contains:
		return `no item matches "contains"`
	case *kind.MinContains:
		return fmt.Sprintf(`too few items match "contains", want at least %d`, k.Want)
	case *kind.MaxContains:
		return fmt.Sprintf(`too many items match "contains", want at most %d`, k.Want)
	case *kind.AnyOf:
		return `it matches none of the schemas in "anyOf"`
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return `it matches more than one schema in "oneOf"`
		}
		return `it matches none of the schemas in "oneOf"`
	case *kind.Not:
		return `it matches the schema in "not"`
	case *kind.FalseSchema:
		return "the schema allows nothing here"
	case *kind.RefCycle:
		return "the schema refers to itself without end"
	}
	return "it is not what the schema describes"
}

func requires(property string, missing []string) string {
	quoted := make([]string, len(missing))
	for i, name := range missing {
		quoted[i] = strconv.Quote(name)
	}
	return fmt.Sprintf("property %q requires property %s", property, strings.Join(quoted, " and "))
}

func number(want *big.Rat) string {
	f, _ := want.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// explain says why a schema can't be compiled. It contains only names, pointers and the rules of JSON Schema.
func explain(err error) string {
	var (
		invalid    *jsonschema.SchemaValidationError
		violation  *jsonschema.ValidationError
		missingRef *jsonschema.JSONPointerNotFoundError
		noAnchor   *jsonschema.AnchorNotFoundError
		sameID     *jsonschema.DuplicateIDError
		sameAnchor *jsonschema.DuplicateAnchorError
		badPattern *jsonschema.InvalidRegexError
		external   *jsonschema.LoadURLError
	)
	switch {
	case errors.As(err, &invalid) && errors.As(invalid.Err, &violation):
		if all := violations(violation); len(all) > 0 {
			if all[0].At == "" {
				return all[0].Reason
			}
			return fmt.Sprintf("at %s: %s", all[0].At, all[0].Reason)
		}
	case errors.As(err, &missingRef), errors.As(err, &noAnchor):
		return "a $ref names a place that the schema does not have"
	case errors.As(err, &sameID):
		return "two parts have the same $id"
	case errors.As(err, &sameAnchor):
		return "two parts have the same $anchor"
	case errors.As(err, &badPattern), errors.Is(err, errPattern):
		return errPattern.Error()
	case errors.As(err, &external):
		return errExternalRef.Error()
	case errors.Is(err, errTooMuchWork):
		return "the schema is too complex: simplify it"
	case errors.Is(err, errDynamic):
		return errDynamic.Error()
	}
	return "it can't be read: check $schema, $id and $ref"
}

// pointer returns a JSON pointer (RFC 6901).
func pointer(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(escaped.Replace(name))
		if b.Len() > workflows.MaxShortTextBytes {
			break
		}
	}
	return short(b.String())
}

var escaped = strings.NewReplacer("~", "~0", "/", "~1")

func short(text string) string { return workflows.Clip(text, workflows.MaxShortTextBytes) }
