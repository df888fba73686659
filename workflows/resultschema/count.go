package resultschema

import (
	"encoding/json"
	"errors"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// count makes each schema under the root count its work. It refuses dynamic references: their target is known only during a check, so its
// work can't be counted.
func count(root *jsonschema.Schema, work *budget) error {
	done := map[*jsonschema.Schema]bool{}
	lengths := map[*jsonschema.Schema]int{}
	open := []*jsonschema.Schema{root}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		if s == nil || done[s] {
			continue
		}
		done[s] = true
		if s.DynamicRef != nil || s.RecursiveRef != nil {
			return errDynamic
		}
		if chain(s, lengths) > maxChain {
			return errTooMuchWork
		}
		open = append(append(open, inPlace(s)...), inside(s)...)
		replacePropertyNames(s)
		countBefore(s, work)
	}
	return nil
}

var errDynamic = errors.New("$dynamicRef and $recursiveRef are not supported: use $ref")

// countBefore counts in the schema's format, because the library checks the format before anything that may take long, also if only a yes
// or no is needed. The schema's own format is checked after the count. So are const and enum, which the library would compare before it.
func countBefore(s *jsonschema.Schema, work *budget) {
	own := s.Format
	values := &jsonschema.Schema{Const: s.Const, Enum: s.Enum}
	compared := 0
	if s.Const != nil {
		compared += comparisonWork(*s.Const)
	}
	if s.Enum != nil {
		compared += comparisonWork(s.Enum.Values)
	}
	s.Const, s.Enum = nil, nil
	name := ""
	if own != nil {
		name = own.Name
	}
	perMember := 1 + len(s.PatternProperties)
	perValue := 1 + compared/numberWork + len(s.AllOf) + len(s.AnyOf) + len(s.OneOf) + len(s.Required) + len(s.Dependencies) + len(s.DependentRequired) + len(s.DependentSchemas)
	unique := s.UniqueItems
	s.Format = &jsonschema.Format{Name: name, Validate: func(value any) error {
		steps := perValue
		switch v := value.(type) {
		case map[string]any:
			steps += perMember * len(v)
		case []any:
			steps += len(v)
			switch {
			case unique && len(v) <= 20: // the library compares each pair
				steps += 20 * countValues(v)
			case unique:
				steps += 2 * countValues(v)
			}
		case string:
			steps += len(v) / 100
		}
		work.spend(steps)
		if compared > 0 {
			if err := values.Validate(value); err != nil {
				return otherValue{err}
			}
		}
		if own == nil {
			return nil
		}
		return own.Validate(value)
	}}
}

// numberWork is the work of an exact comparison of two numbers, in comparisons of two short texts.
const numberWork = 20

// comparisonWork returns the work of a comparison with all parts of a value.
func comparisonWork(value any) int {
	work := 1
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			work += comparisonWork(member)
		}
	case []any:
		for _, item := range v {
			work += comparisonWork(item)
		}
	case json.Number:
		return 2 * numberWork
	case string:
		return 1 + len(v)/100
	}
	return work
}

// countValues returns the number of JSON values in a value, itself included.
func countValues(value any) int {
	n := 1
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			n += countValues(member)
		}
	case []any:
		for _, item := range v {
			n += countValues(item)
		}
	}
	return n
}

// otherValue carries the error of const or enum in a format's error.
type otherValue struct{ error }

// replacePropertyNames replaces the library's propertyNames, whose errors point to the wrong place.
func replacePropertyNames(s *jsonschema.Schema) {
	if names := s.PropertyNames; names != nil {
		s.PropertyNames = nil
		s.Extensions = append(s.Extensions, propertyNames{names})
	}
}

type propertyNames struct{ schema *jsonschema.Schema }

// Validate implements jsonschema.SchemaExt.
func (p propertyNames) Validate(ctx *jsonschema.ValidatorContext, value any) {
	object, isObject := value.(map[string]any)
	if !isObject {
		return
	}
	for name := range object {
		if p.schema.Validate(name) != nil {
			ctx.AddError(&kind.PropertyNames{Property: name})
		}
	}
}

// maxChain is the most schemas that apply to one value through $ref or allOf. With the depth of a result it limits the stack.
const maxChain = 100

// chain returns the length of the longest chain of schemas from s on that apply to the same value. It stops at a cycle, which the library
// reports.
func chain(s *jsonschema.Schema, known map[*jsonschema.Schema]int) int {
	if length, found := known[s]; found || s == nil {
		return length
	}
	known[s] = 0
	longest := 0
	for _, next := range inPlace(s) {
		longest = max(longest, chain(next, known))
	}
	known[s] = longest + 1
	return longest + 1
}

// inPlace returns the schemas that s applies to its own value.
func inPlace(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else}
	for _, list := range [][]*jsonschema.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		all = append(all, list...)
	}
	for _, one := range s.DependentSchemas {
		all = append(all, one)
	}
	for _, one := range s.Dependencies {
		if one, isSchema := one.(*jsonschema.Schema); isSchema {
			all = append(all, one)
		}
	}
	return all
}

// inside returns the schemas that s applies to members, items and names in its value.
func inside(s *jsonschema.Schema) []*jsonschema.Schema {
	all := []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema}
	all = append(all, s.PrefixItems...)
	for _, one := range s.Properties {
		all = append(all, one)
	}
	for _, one := range s.PatternProperties {
		all = append(all, one)
	}
	for _, one := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch one := one.(type) {
		case *jsonschema.Schema:
			all = append(all, one)
		case []*jsonschema.Schema:
			all = append(all, one...)
		}
	}
	return all
}
