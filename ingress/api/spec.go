package api

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/workflows"
)

//go:embed openapi.yaml
var document []byte

// specification is the document as it is used at run time.
type specification struct {
	// operations by method and echo's route, such as "GET /v1/cases/:reference".
	operations map[string]*operation
	// root is the document, for the words of x-want.
	root any
}

// operation is what the document says of one call.
type operation struct {
	id string
	// A token needs all scopes of one entry.
	scopes [][]Scope
	path   []parameter
	query  map[string]parameter
	// body is nil where the call takes none.
	body         *jsonschema.Schema
	bodyRequired bool
}

type parameter struct {
	name, typ string
	schema    *jsonschema.Schema
}

// The part of the document that is read here.
type (
	docRoot struct {
		Paths      map[string]docPath
		Components struct{ Parameters map[string]docParameter }
	}
	docPath struct {
		Parameters []docParameter
		Get, Post  *docOperation
	}
	docOperation struct {
		OperationID string `json:"operationId"`
		Security    []map[string][]Scope
		Parameters  []docParameter
		RequestBody *struct{ Required bool } `json:"requestBody"`
	}
	docParameter struct {
		Ref      string `json:"$ref"`
		Name, In string
		Schema   struct{ Type string }
	}
)

// documentURL stands for the document in the schema compiler; nothing is fetched.
const documentURL = "urn:signalbox:openapi"

// readSpecification fails only for a document that a test would have refused.
func readSpecification() (*specification, error) {
	root, doc, err := parseDocument()
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	compiler := newCompiler()
	if err := compiler.AddResource(documentURL, root); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	s := &specification{operations: map[string]*operation{}, root: root}
	for path, item := range doc.Paths {
		for method, op := range map[string]*docOperation{http.MethodGet: item.Get, http.MethodPost: item.Post} {
			if op == nil {
				continue
			}
			at := "/paths/" + escapePointer(path)
			shared, err := parameters(compiler, at+"/parameters", item.Parameters, doc.Components.Parameters)
			if err != nil {
				return nil, err
			}
			own, err := parameters(compiler, at+"/"+strings.ToLower(method)+"/parameters", op.Parameters, doc.Components.Parameters)
			if err != nil {
				return nil, err
			}
			read, err := compileOperation(compiler, at, op, slices.Concat(shared, own))
			if err != nil {
				return nil, err
			}
			s.operations[method+" "+echoRoute(path)] = read
		}
	}
	return s, nil
}

// parseDocument returns the document in JSON's own types, which the schema library wants, and the part of it that is read here.
func parseDocument() (root any, doc docRoot, err error) {
	if err = yaml.Unmarshal(document, &root); err != nil {
		return nil, doc, err
	}
	encoded, err := json.Marshal(root)
	if err != nil {
		return nil, doc, err
	}
	if root, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded)); err != nil {
		return nil, doc, err
	}
	return root, doc, json.Unmarshal(encoded, &doc)
}

// compileOperation returns the operation of the path at a location in the document.
func compileOperation(compiler *jsonschema.Compiler, at string, op *docOperation, list []located) (*operation, error) {
	read := &operation{id: op.OperationID, query: map[string]parameter{}}
	for _, requirement := range op.Security {
		read.scopes = append(read.scopes, requirement["token"])
	}
	for _, p := range list {
		if p.in == "path" {
			read.path = append(read.path, p.parameter)
		} else {
			read.query[p.name] = p.parameter
		}
	}
	if op.RequestBody != nil {
		read.bodyRequired = op.RequestBody.Required
		var err error
		if read.body, err = compiler.Compile(documentURL + "#" + at + "/post/requestBody/content/application~1json/schema"); err != nil {
			return nil, fmt.Errorf("openapi.yaml: body of %s: %w", read.id, err)
		}
	}
	return read, nil
}

// located is a parameter and where in the request it is.
type located struct {
	parameter
	in string
}

func parameters(compiler *jsonschema.Compiler, at string, list []docParameter, components map[string]docParameter) ([]located, error) {
	var all []located
	for i, p := range list {
		pointer := fmt.Sprintf("%s/%d/schema", at, i)
		if name, isRef := strings.CutPrefix(p.Ref, "#/components/parameters/"); isRef {
			p = components[name]
			pointer = "/components/parameters/" + name + "/schema"
		}
		schema, err := compiler.Compile(documentURL + "#" + pointer)
		if err != nil {
			return nil, fmt.Errorf("openapi.yaml: parameter %s: %w", p.Name, err)
		}
		all = append(all, located{parameter{name: p.Name, typ: p.Schema.Type, schema: schema}, p.In})
	}
	return all, nil
}

// newCompiler makes a compiler that asserts times as Go reads and writes them, from workflows.MinTime to workflows.MaxTime.
func newCompiler() *jsonschema.Compiler {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: func(v any) error {
		text, isText := v.(string)
		if !isText {
			return nil
		}
		t, err := time.Parse(time.RFC3339, text)
		_, zoneErr := t.MarshalText() // Go reads an offset of 24 hours, but can't write it
		if err != nil || zoneErr != nil || !workflows.SaneTime(t) {
			return errors.New("no time")
		}
		return nil
	}})
	compiler.AssertFormat()
	return compiler
}

// echoRoute is a path of the document as echo writes it.
func echoRoute(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

func escapePointer(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(token)
}

// want is what the schema at a location says in words of the values that it wants; empty if it says nothing.
func (s *specification) want(schemaURL string) string {
	_, pointer, _ := strings.Cut(schemaURL, "#")
	node := s.root
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, isObject := node.(map[string]any)
		if !isObject {
			if list, isList := node.([]any); isList {
				var i int
				if _, err := fmt.Sscanf(token, "%d", &i); err == nil && i < len(list) {
					node = list[i]
					continue
				}
			}
			return ""
		}
		node = object[strings.NewReplacer("~1", "/", "~0", "~", "%7B", "{", "%7D", "}").Replace(token)]
	}
	object, _ := node.(map[string]any)
	words, _ := object["x-want"].(string)
	return words
}
