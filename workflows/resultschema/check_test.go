package resultschema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
)

func check(schema, result string) workflows.ResultCheck {
	return resultschema.Check(json.RawMessage(schema), json.RawMessage(result))
}

func TestAResultIsComparedWithItsSchema(t *testing.T) {
	t.Parallel()
	const invoice = `{"type":"object","required":["amount","currency"],"additionalProperties":false,"properties":{
		"amount":{"type":"number","minimum":0},"currency":{"enum":["EUR","USD"]},
		"lines":{"type":"array","minItems":1,"uniqueItems":true,"items":{"$ref":"#/$defs/line"}}},
		"$defs":{"line":{"type":"object","properties":{"text":{"type":"string","maxLength":5,"pattern":"^[a-z]*$"},"n":{"type":"integer","multipleOf":2}}}}}`
	at := func(at, reason string) workflows.SchemaViolation {
		return workflows.SchemaViolation{At: at, Reason: reason}
	}
	for name, c := range map[string]struct {
		schema, result string
		want           []workflows.SchemaViolation
	}{
		"as described":       {invoice, `{"amount":1.5,"currency":"EUR","lines":[{"text":"abc","n":4}]}`, nil},
		"any object":         {`{}`, `{"x":1}`, nil},
		"missing":            {invoice, `{}`, []workflows.SchemaViolation{at("", `property "amount" is missing`), at("", `property "currency" is missing`)}},
		"not an object":      {invoice, `[1]`, []workflows.SchemaViolation{at("", "it is of type array, want object")}},
		"no result":          {invoice, ``, []workflows.SchemaViolation{at("", "the case was completed without a result")}},
		"name is not in it":  {invoice, `{"amount":1,"currency":"EUR","a/b~c":"secret"}`, []workflows.SchemaViolation{at("/a~1b~0c", "the schema allows no property of this name")}},
		"values":             {invoice, `{"amount":-7,"currency":"secret"}`, []workflows.SchemaViolation{at("/amount", "it is too small, want at least 0"), at("/currency", "it is none of the 2 values that the schema names")}},
		"within a list":      {invoice, `{"amount":1,"currency":"EUR","lines":[{"text":"secret","n":3},{"text":"A","n":1.5}]}`, []workflows.SchemaViolation{at("/lines/0/n", "it is not a multiple of 2"), at("/lines/0/text", "it has too many characters, want at most 5"), at("/lines/1/n", "it is of type number, want integer"), at("/lines/1/text", `it does not match the pattern "^[a-z]*$"`)}},
		"twice the same":     {invoice, `{"amount":1,"currency":"EUR","lines":[{"n":2},{"n":2.0}]}`, []workflows.SchemaViolation{at("/lines", "items 0 and 1 are the same")}},
		"none of several":    {`{"properties":{"a":{"anyOf":[{"type":"string"},{"type":"null"}]}}}`, `{"a":4711}`, []workflows.SchemaViolation{at("/a", `it matches none of the schemas in "anyOf"`)}},
		"more than one":      {`{"properties":{"a":{"oneOf":[{"type":"number"},{"type":"integer"}]}}}`, `{"a":4711}`, []workflows.SchemaViolation{at("/a", `it matches more than one schema in "oneOf"`)}},
		"names":              {`{"properties":{"a":{"propertyNames":{"maxLength":2}},"b":{"type":"string"}}}`, `{"a":{"long":1,"ok":2},"b":"x"}`, []workflows.SchemaViolation{at("/a/long", "the schema does not allow this property name")}},
		"not":                {`{"not":{"required":["x"]}}`, `{"x":1}`, []workflows.SchemaViolation{at("", `it matches the schema in "not"`)}},
		"format is no check": {`{"properties":{"a":{"format":"email"}}}`, `{"a":"secret"}`, nil},
		"format in draft-07": {`{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"format":"email"}}}`, `{"a":"secret"}`, []workflows.SchemaViolation{at("/a", `it is not in the format "email"`)}},
		"draft-04":           {`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"a":{"minimum":1,"exclusiveMinimum":true}}}`, `{"a":1}`, []workflows.SchemaViolation{at("/a", "it is too small, want more than 1")}},
		"unevaluated":        {`{"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false}`, `{"a":1,"b":"secret"}`, []workflows.SchemaViolation{at("/b", "the schema allows nothing here")}},
		"recursive":          {`{"properties":{"next":{"$ref":"#"}},"required":["v"]}`, `{"v":1,"next":{"v":1,"next":{}}}`, []workflows.SchemaViolation{at("/next/next", `property "v" is missing`)}},
		"endless":            {`{"properties":{"a":{"$ref":"#/properties/a"}}}`, `{"a":1}`, []workflows.SchemaViolation{at("/a", "the schema refers to itself without end")}},
		"const":              {`{"properties":{"a":{"const":{"x":[1]}},"b":{"const":null}}}`, `{"a":{"x":[1.0]},"b":4711}`, []workflows.SchemaViolation{at("/b", "it is not the value that the schema names")}},
		"conditional":        {`{"if":{"required":["a"]},"then":{"dependentRequired":{"a":["b"]}}}`, `{"a":1}`, []workflows.SchemaViolation{at("", `property "a" requires property "b"`)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := workflows.ResultCheck{Verdict: workflows.ResultMatches}
			if c.want != nil {
				want = workflows.ResultCheck{Verdict: workflows.ResultOffSchema, Violations: c.want}
			}
			require.Equal(t, want, check(c.schema, c.result))
			require.NoError(t, resultschema.Validate(json.RawMessage(c.schema)))
		})
	}
}

func TestASchemaThatCantBeUsedIsNamedWithTheReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, want string }{
		"no JSON":         {`{`, "is not valid JSON"},
		"nothing":         {``, "is not valid JSON"},
		"another type":    {`{"type":"thing"}`, "at /type"},
		"a list":          {`[]`, "want boolean or object"},
		"deep inside":     {`{"properties":{"a":{"minLength":-1}}}`, "at /properties/a/minLength: it is too small, want at least 0"},
		"remote":          {`{"$ref":"https://example.com/s.json"}`, "nothing is fetched"},
		"file":            {`{"$ref":"file:///etc/passwd"}`, "nothing is fetched"},
		"relative":        {`{"$id":"https://example.com/a/","$ref":"b.json"}`, "nothing is fetched"},
		"own dialect":     {`{"$schema":"https://example.com/dialect"}`, "nothing is fetched"},
		"no such part":    {`{"$ref":"#/$defs/x"}`, "names a place that the schema does not have"},
		"no such anchor":  {`{"$ref":"#x"}`, "names a place that the schema does not have"},
		"dynamic":         {`{"$dynamicAnchor":"a","properties":{"x":{"$dynamicRef":"#a"}}}`, "use $ref"},
		"lookaround":      {`{"pattern":"(?=x)"}`, ""},
		"long pattern":    {`{"pattern":"` + strings.Repeat("x", 1001) + `"}`, ""},
		"costly patterns": {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"pattern":"(a{500}b{400}){1}[a-z]{999}"},`, 900), ",") + `]}`, "too complex"},
		"nested":          {strings.Repeat(`{"not":`, 200) + `{}` + strings.Repeat(`}`, 200), "nested too deeply"},
		"too many values": {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{},`, 6000), ",") + `]}`, "has more than 5000 values: simplify it"},
		"too large":       {`{"description":"` + strings.Repeat("x", 300<<10) + `"}`, "bytes, at most"},
		"exponent":        {`{"maximum":1e999999999}`, "exponent"},
		"small exponent":  {`{"multipleOf":1e-999999999}`, "exponent"},
		"digits":          {`{"maximum":` + strings.Repeat("9", 1000) + `}`, "digits"},
		"two of one ID":   {`{"$defs":{"a":{"$id":"https://x.example/a"},"b":{"$id":"https://x.example/a"}}}`, "same $id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := resultschema.Validate(json.RawMessage(c.schema))
			require.ErrorIs(t, err, resultschema.ErrSchema)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "example.com")
			found := check(c.schema, `{"secret":1}`)
			require.Equal(t, workflows.ResultSchemaUnusable, found.Verdict)
			require.NotEmpty(t, found.Reason)
		})
	}
}

// A naive check of each of these documents needs minutes, gigabytes or the whole stack.
func TestACheckIsBoundedForAnyInput(t *testing.T) {
	t.Parallel()
	doubling := `"$defs":{`
	for i := range 40 {
		doubling += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	doubling += `"d40":{}}}`
	chain := func(links int) string {
		schema := `{"properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`
		for i := range links {
			schema += fmt.Sprintf(`"d%d":{"$ref":"#/$defs/d%d"},`, i, i+1)
		}
		return schema + fmt.Sprintf(`"d%d":{"$ref":"#"}}}`, links)
	}
	nested := strings.Repeat(`{"a":`, 90) + `1` + strings.Repeat(`}`, 90)
	require.Equal(t, workflows.ResultSchemaUnusable, check(chain(1200), nested).Verdict)
	require.Equal(t, workflows.ResultMatches, check(chain(90), nested).Verdict)
	numbers := strings.TrimSuffix(strings.Repeat("1,", 100_000), ",")
	enum := ""
	for i := range 4000 {
		enum += fmt.Sprint(i+2, ",")
	}
	for name, c := range map[string]struct{ schema, result string }{
		"doubling":          {`{"$ref":"#/$defs/d0",` + doubling, `{}`},
		"doubling in not":   {`{"not":{"$ref":"#/$defs/d0"},` + doubling, `{}`},
		"doubling by depth": {`{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}`, nested},
		"a large enum":      {`{"properties":{"a":{"items":{"enum":[` + strings.TrimSuffix(enum, ",") + `]}}}}`, `{"a":[` + numbers + `]}`},
		"a costly pattern":  {`{"properties":{"a":{"pattern":"(x+x+)+[a-z]{900}y"}}}`, `{"a":"` + strings.Repeat("x", 200_000) + `"}`},
		"many patterns":     {`{"patternProperties":{"a{900}":{},"b{900}":{},"c{900}":{},"d{900}":{}}}`, `{"` + strings.Repeat("x", 200_000) + `":1}`},
		"deep result":       {`{}`, strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000)},
		"exponent":          {`{"properties":{"a":{"type":"integer"}}}`, `{"a":1e999999999}`},
		"digits":            {`{"properties":{"a":{"type":"integer"}}}`, `{"a":` + strings.Repeat("9", 100_000) + `}`},
		"not JSON":          {`{}`, `{"a":`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := check(c.schema, c.result)
			require.Equal(t, workflows.ResultUnchecked, found.Verdict, "%+v", found)
			require.NotEmpty(t, found.Reason)
		})
	}
}

func TestALargeResultOfAnOrdinarySchemaIsChecked(t *testing.T) {
	t.Parallel()
	var countries []string
	for i := range 250 {
		countries = append(countries, fmt.Sprintf(`"C%03d"`, i))
	}
	lines := strings.TrimSuffix(strings.Repeat(`{"country":"C249","amount":12.5,"text":"something that was bought"},`, 3500), ",")
	found := check(`{"type":"object","required":["lines"],"properties":{"lines":{"type":"array","items":{"$ref":"#/$defs/line"}}},"$defs":{"line":{
		"type":"object","required":["country","amount"],"additionalProperties":false,"properties":{"country":{"enum":[`+strings.Join(countries, ",")+`]},
		"amount":{"type":"number","minimum":0},"text":{"type":"string","pattern":"^[a-z ]+$"}}}}}`, `{"lines":[`+lines+`]}`)
	require.Equal(t, workflows.ResultCheck{Verdict: workflows.ResultMatches}, found)
}

func TestViolationsAreBoundedAndCounted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", 2000)
	result := `{"` + long + `":{"` + long + `":"secret"}`
	for i := range 100 {
		result += fmt.Sprintf(`,"p%02d":"secret"`, i)
	}
	found := check(`{"additionalProperties":{"type":"object","additionalProperties":{"type":"null"}}}`, result+`}`)
	require.Equal(t, workflows.ResultOffSchema, found.Verdict)
	require.Len(t, found.Violations, workflows.MaxSchemaViolations)
	require.Equal(t, 101-workflows.MaxSchemaViolations, found.More)
	for i, v := range found.Violations {
		require.LessOrEqual(t, workflows.JSONLen(v.At), workflows.MaxShortTextBytes)
		require.LessOrEqual(t, workflows.JSONLen(v.Reason), workflows.MaxShortTextBytes)
		if i > 0 {
			require.Less(t, found.Violations[i-1].At, v.At)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, schema := range []string{
		`{}`, `true`, `{"type":"object","required":["a"]}`, `{"$ref":"#/$defs/x","$defs":{"x":{"pattern":"a+"}}}`, `{"$ref":"https://example.com/"}`,
		`{"anyOf":[{"const":1},{"enum":[1e5,"x"]}],"not":{"multipleOf":0.1}}`, `{"$schema":"http://json-schema.org/draft-04/schema#","items":[{"format":"ipv6"}]}`,
		`{"unevaluatedItems":{"contains":{"minimum":3}},"dependentSchemas":{"a":{"propertyNames":{"maxLength":1}}}}`, `{"$id":"urn:x","$anchor":"a","$ref":"#a"}`,
	} {
		f.Add([]byte(schema), []byte(`{"a":["value-4711",1,{"b":null}]}`))
		f.Add([]byte(schema), []byte(`[1,1e5,"x",["x"]]`))
	}
	f.Fuzz(func(t *testing.T, schema, result []byte) {
		found := resultschema.Check(schema, result)
		require.Equal(t, found, resultschema.Check(schema, result), "the answer is the same each time")
		require.Equal(t, resultschema.Validate(schema) != nil, found.Verdict == workflows.ResultSchemaUnusable)
		raw, err := json.Marshal(found)
		require.NoError(t, err)
		require.Less(t, len(raw), 30<<10)
		require.NotContains(t, found.Reason+fmt.Sprint(reasons(found)), "value-4711")
		require.Equal(t, found.Verdict == workflows.ResultOffSchema, len(found.Violations) > 0)
	})
}

func reasons(found workflows.ResultCheck) (all []string) {
	for _, v := range found.Violations {
		all = append(all, v.Reason)
	}
	return all
}
