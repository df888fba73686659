package resultschema

import (
	"errors"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// counted is a compiled schema that counts its work.
type counted struct {
	root *jsonschema.Schema
	// heaviest is the size of the largest const or enum.
	heaviest int
}

// count makes each schema that the root reaches count when it is applied to a value. The library asks a schema's format first of all, also
// where only a yes or no is wanted, so the count stands there; the schema's own format goes on behind it. What a dynamic reference leads to is
// known only while a value is checked, so it could not be counted and is refused.
func count(root *jsonschema.Schema, work *budget) (*counted, error) {
	c := &counted{root: root, heaviest: 1}
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
			return nil, errDynamic
		}
		if chain(s, lengths) > maxChain {
			return nil, errTooMuchWork
		}
		open = append(append(open, inPlace(s)...), inside(s)...)
		if s.Enum != nil {
			c.heaviest = max(c.heaviest, nodes(s.Enum.Values))
		}
		if s.Const != nil {
			c.heaviest = max(c.heaviest, nodes(*s.Const))
		}
		checkNamesBehind(s)
		countBefore(s, work)
	}
	return c, nil
}

var errDynamic = errors.New("$dynamicRef and $recursiveRef are not supported: use $ref")

func countBefore(s *jsonschema.Schema, work *budget) {
	own := s.Format
	name := ""
	if own != nil {
		name = own.Name
	}
	perMember := 1 + len(s.PatternProperties)
	perValue := 1 + len(s.AllOf) + len(s.AnyOf) + len(s.OneOf) + len(s.Required) + len(s.Dependencies) + len(s.DependentRequired) + len(s.DependentSchemas)
	unique := s.UniqueItems
	s.Format = &jsonschema.Format{Name: name, Validate: func(value any) error {
		steps := perValue
		switch v := value.(type) {
		case map[string]any:
			steps += perMember * len(v)
		case []any:
			steps += len(v)
			if unique {
				steps += 20 * nodes(v) // a short list is compared pair by pair
			}
		case string:
			steps += len(v) / 100
		}
		work.spend(steps)
		if own == nil {
			return nil
		}
		return own.Validate(value)
	}}
}

// checkNamesBehind replaces propertyNames of the library, whose errors point to the wrong place.
func checkNamesBehind(s *jsonschema.Schema) {
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

// maxChain bounds how many schemas apply to one value one within the other, by $ref or allOf. With the depth of a result it bounds the stack.
const maxChain = 100

// chain is the length of the longest chain of schemas from s on that apply to the same value. A cycle ends it: the library finds those.
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

// inPlace are the schemas that a schema applies to the value that it is applied to itself.
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

// inside are the schemas that a schema applies to members and items of its value, and to names.
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
