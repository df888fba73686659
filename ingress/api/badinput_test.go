package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// schema is a part of the document as far as a wrong value needs it.
type schema struct {
	Ref        string `yaml:"$ref"`
	Type       any
	Properties map[string]schema
	Items      *schema
	Required   []string
	Enum       []any
}

type parameter struct {
	Ref      string `yaml:"$ref"`
	Name, In string
	Schema   schema
}

type callOf struct {
	// Security has the scopes that a token needs.
	Security    []map[string][]api.Scope
	Parameters  []parameter
	RequestBody *struct {
		Content map[string]struct{ Schema schema }
	} `yaml:"requestBody"`
}

type apiDocument struct {
	Paths      map[string]map[string]yaml.Node
	Components struct {
		Schemas    map[string]schema
		Parameters map[string]parameter
	}
}

// readDocument returns the document that the API serves.
func readDocument(t *testing.T, w *world, secret string) (document apiDocument) {
	t.Helper()
	served := w.get(t, secret, "/v1/openapi.yaml")
	require.Equal(t, 200, served.status, served.body)
	require.NoError(t, yaml.Unmarshal([]byte(served.body), &document))
	return document
}

// eachCall visits the calls of the document. The parameters of an operation are with those of its path.
func (d apiDocument) eachCall(t *testing.T, visit func(verb, route string, op callOf)) {
	t.Helper()
	calls := 0
	for route, parts := range d.Paths {
		var shared []parameter
		if node, ok := parts["parameters"]; ok {
			require.NoError(t, node.Decode(&shared))
		}
		for _, method := range slices.Sorted(maps.Keys(parts)) {
			verb := strings.ToUpper(method)
			if verb != http.MethodGet && verb != http.MethodPost {
				continue
			}
			calls++
			var op callOf
			node := parts[method]
			require.NoError(t, node.Decode(&op))
			op.Parameters = append(shared[:len(shared):len(shared)], op.Parameters...)
			visit(verb, route, op)
		}
	}
	require.Greater(t, calls, 30)
}

// pathOf fills the parts of a route; the part named bad gets an invalid value.
func pathOf(route, bad string) string {
	for name, value := range goodPath {
		if name == bad {
			value = badPath[name]
		}
		route = strings.ReplaceAll(route, "{"+name+"}", value)
	}
	return route
}

func (d apiDocument) resolve(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return d.resolve(d.Components.Schemas[path.Base(s.Ref)])
}

// types returns the JSON types that the schema allows; nil means all.
func (s schema) types() []string {
	switch of := s.Type.(type) {
	case string:
		return []string{of}
	case []any:
		var names []string
		for _, one := range of {
			names = append(names, fmt.Sprint(one))
		}
		return names
	}
	return nil
}

// wrongValue returns a value of a type that the schema forbids. ok is false if no such value is known.
func (s schema) wrongValue() (value any, ok bool) {
	types := s.types()
	if len(types) == 0 {
		return nil, false
	}
	switch {
	case !slices.Contains(types, "string"):
		return marker, true
	case !slices.Contains(types, "number") && !slices.Contains(types, "integer"):
		return 7.5, true
	}
	return nil, false
}

// wrongBodies calls add for each field with a body whose only field is that one, with a wrong value. It also adds bodies without a required
// field and with an unknown field.
func (d apiDocument) wrongBodies(s schema, name string, put func(any) any, add func(field string, body any)) {
	s = d.resolve(s)
	if value, ok := s.wrongValue(); ok && name != "" {
		add(name, put(value))
	}
	for property, of := range s.Properties {
		field := strings.TrimPrefix(name+"."+property, ".")
		d.wrongBodies(of, field, func(v any) any { return put(map[string]any{property: v}) }, add)
	}
	for _, property := range s.Required {
		add(strings.TrimPrefix(name+"."+property, "."), put(map[string]any{}))
	}
	if len(s.Properties) > 0 {
		add(strings.TrimPrefix(name+".unknown", "."), put(map[string]any{"unknown": marker}))
	}
	if s.Items != nil {
		d.wrongBodies(*s.Items, name+"[0]", func(v any) any { return put([]any{v}) }, add)
	}
}

// badPath has an invalid value for each part of a path.
var badPath = map[string]string{
	"reference": "a%20" + marker, "agent": "c%20" + marker, "activationId": "%00" + marker, "messageId": "%00" + marker, "runId": "%00" + marker, "id": marker, "source": marker,
}

// goodPath has a valid value for each.
var goodPath = map[string]string{
	"reference": "x", "agent": "crm", "activationId": "a1", "messageId": "m1", "runId": "r1", "source": "offload-case%2Fx", "id": inbox.NewID(clock),
}

// Each call refuses an invalid value in each part of its path, each parameter and each field of its body. The error names the wrong part and does
// not repeat its value. New calls and fields are covered automatically.
func TestEachInvalidFieldIsNamedInTheError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	document := readDocument(t, w, "")
	tried := 0
	refused := func(method, target string, body any, field string) {
		t.Helper()
		tried++
		var text string
		if body != nil {
			raw, err := json.Marshal(body)
			require.NoError(t, err)
			text = string(raw)
		}
		got := w.call(t, method, target, text, map[string]string{"Content-Type": "application/json"})
		at := fmt.Sprintf("%s %s %.300s for %s: %.500s", method, target, text, field, got.body)
		require.Equal(t, 400, got.status, at)
		p := got.problem(t)
		require.Equal(t, "urn:signalbox:problem:invalid-request", string(p.Type), at)
		require.Contains(t, p.Detail, field+":", at)
		require.NotEmpty(t, p.Errors, at)
		require.NotContains(t, got.body, marker, at)
	}
	document.eachCall(t, func(verb, route string, op callOf) {
		for _, parameter := range op.Parameters {
			if parameter.Ref != "" {
				parameter = document.Components.Parameters[path.Base(parameter.Ref)]
			}
			if parameter.In == "path" {
				require.Contains(t, badPath, parameter.Name, "add an invalid value")
				refused(verb, pathOf(route, parameter.Name), nil, parameter.Name)
				continue
			}
			of, field := document.resolve(parameter.Schema), parameter.Name
			if of.Items != nil {
				of, field = document.resolve(*of.Items), field+"[0]"
			}
			bad := "\x00" + marker
			if !slices.Contains(of.types(), "string") {
				bad = marker
			}
			refused(verb, pathOf(route, "")+"?"+url.Values{parameter.Name: {bad}}.Encode(), nil, field)
		}
		refused(verb, pathOf(route, "")+"?unknown="+marker, nil, "unknown")
		if op.RequestBody == nil {
			if verb == http.MethodPost {
				refused(verb, pathOf(route, ""), map[string]any{"a": marker}, "body")
			}
			return
		}
		document.wrongBodies(op.RequestBody.Content["application/json"].Schema, "", func(v any) any { return v }, func(field string, body any) {
			refused(verb, pathOf(route, ""), body, field)
		})
	})
	require.Greater(t, tried, 200)
	require.Empty(t, w.temporal.updates)
}

// The document and the Go client know the same states and kinds.
func TestEachStateAndKindOfTheDocumentCanBeChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	document := readDocument(t, w, "")
	for query, name := range map[string]string{"cases?state=": "CaseStatus", "activations?state=": "ActivationStatus", "todo?kind=": "ToDoKind"} {
		of := document.Components.Schemas[name].Enum
		require.NotEmpty(t, of, name)
		for _, one := range of {
			got := w.get(t, "", fmt.Sprint("/v1/", query, one))
			require.Equal(t, 200, got.status, "%s %s: %s", query, one, got.body)
		}
	}
}
