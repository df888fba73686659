package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// maxBody is the largest body of a request, in bytes.
	maxBody = 1 << 20
	// maxDepth is how deep objects and lists of a body may be nested.
	maxDepth = 64
	// maxNumber is the longest number of a body, in characters, and maxExponent the longest exponent: comparing a larger one costs memory.
	maxNumber, maxExponent = 40, 3
	// maxFields is how many wrong fields a problem names.
	maxFields = 20
)

// validate checks the parameters and the body of a request, and leaves the body to be read again.
func (s *specification) validate(c echo.Context, op *operation) error {
	var wrong wrongFields
	s.checkPath(c, op, &wrong)
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return invalid(FieldError{Field: "query", Detail: "it is not percent-encoded: encode it"})
	}
	s.checkQuery(query, op, &wrong)
	if err := wrong.problem(); err != nil {
		return err
	}
	if c.Request().Method != http.MethodPost {
		return nil
	}
	return s.checkBody(c.Request(), op)
}

// wrongFields collects what is wrong with a request: the first maxFields, and the number of the others. A body has room for 100,000 wrong names.
type wrongFields struct {
	first []FieldError
	more  int
}

func (w *wrongFields) add(field, detail string) {
	one := FieldError{Field: field, Detail: detail}
	switch {
	case slices.Contains(w.first, one): // two rules of a field may want the same
	case len(w.first) < maxFields:
		w.first = append(w.first, one)
	default:
		w.more++
	}
}

func (w *wrongFields) problem() error {
	switch {
	case len(w.first) == 0:
		return nil
	case w.more > 0:
		return invalid(append(w.first, FieldError{Field: "body", Detail: fmt.Sprintf("%d more fields can't be used", w.more)})...)
	}
	return invalid(w.first...)
}

func (s *specification) checkPath(c echo.Context, op *operation, wrong *wrongFields) {
	for _, p := range op.path {
		value, err := pathParam(c, p.name)
		if err != nil {
			wrong.add(p.name, "it is not percent-encoded: encode it")
			continue
		}
		s.check(p.schema, p.name, value, wrong)
	}
}

// pathParam returns a part of the path, decoded. Echo takes the parts from RawPath, where the URL has one.
func pathParam(c echo.Context, name string) (string, error) {
	if c.Request().URL.RawPath == "" {
		return c.Param(name), nil
	}
	return url.PathUnescape(c.Param(name)) //nolint:wrapcheck // the caller says what is wrong
}

func (s *specification) checkQuery(query url.Values, op *operation, wrong *wrongFields) {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p, known := op.query[name]
		values := query[name]
		switch {
		case !known:
			wrong.add(shortName(name), "there is no such parameter: remove it")
		case p.typ == "array":
			list := make([]any, len(values))
			for i, v := range values {
				list[i] = v
			}
			s.check(p.schema, name, list, wrong)
		case len(values) > 1:
			wrong.add(name, "it is given more than once: give it once")
		default:
			s.check(p.schema, name, typed(values[0], p.typ), wrong)
		}
	}
}

// typed is a parameter as the type that its schema wants; one that can't be read stays text, which the schema refuses.
func typed(value, typ string) any {
	switch typ {
	case "boolean":
		if value == "true" || value == "false" {
			return value == "true"
		}
	case "integer":
		if n, err := strconv.ParseInt(value, 10, 32); err == nil && strconv.FormatInt(n, 10) == value {
			return json.Number(value)
		}
	}
	return value
}

func (s *specification) checkBody(r *http.Request, op *operation) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return invalid(FieldError{Field: "body", Detail: "it could not be read to its end: send it again"})
	case len(body) > maxBody:
		return problemTooLarge.withFix()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	if len(bytes.TrimSpace(body)) == 0 {
		if op.bodyRequired {
			return invalid(FieldError{Field: "body", Detail: "it is missing: send a JSON object"})
		}
		r.Body, r.ContentLength = http.NoBody, 0
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" || !utf8.Valid(body) {
		return problemUnsupportedType.withFix()
	}
	r.Header.Set("Content-Type", mediaType) // the decoder behind it compares letter by letter
	value, err := decode(body)
	if err != nil {
		return err
	}
	if op.body == nil {
		if object, isObject := value.(map[string]any); isObject && len(object) == 0 {
			return nil
		}
		return invalid(FieldError{Field: "body", Detail: "this call takes none: leave it out"})
	}
	if field := tooMany(op.body, "", value); field != nil {
		return invalid(*field)
	}
	var wrong wrongFields
	s.check(op.body, "", value, &wrong)
	return wrong.problem()
}

// decode reads one JSON value whose depth and numbers are within bounds.
func decode(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	for depth := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalid(FieldError{Field: "body", Detail: fmt.Sprintf("it is not JSON from byte %d on: send one JSON object", decoder.InputOffset())})
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth++
			} else {
				depth--
			}
			if depth > maxDepth {
				return nil, invalid(FieldError{Field: "body", Detail: fmt.Sprintf("it is nested more than %d levels deep: flatten it", maxDepth)})
			}
		case json.Number:
			_, exponent, _ := strings.Cut(strings.ToLower(t.String()), "e")
			if len(t) > maxNumber || len(strings.TrimLeft(exponent, "+-")) > maxExponent {
				return nil, invalid(FieldError{Field: "body", Detail: fmt.Sprintf("a number has more than %d characters or an exponent of more than %d digits: shorten it", maxNumber, maxExponent)})
			}
		}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, invalid(FieldError{Field: "body", Detail: "something follows the JSON object: send one"})
	}
	return value, nil
}

// tooMany refuses lists and objects with more members than the schema allows, before each member is checked: an error for each of a
// million would fill the memory.
func tooMany(schema *jsonschema.Schema, at string, value any) *FieldError {
	for schema != nil && schema.Ref != nil {
		schema = schema.Ref
	}
	if schema == nil {
		return nil
	}
	switch v := value.(type) {
	case []any:
		if schema.MaxItems != nil && len(v) > *schema.MaxItems {
			return &FieldError{Field: cmp.Or(at, "body"), Detail: fmt.Sprintf("%d, at most %d: send fewer at once", len(v), *schema.MaxItems)}
		}
		for i, one := range v {
			if field := tooMany(schema.Items2020, fmt.Sprintf("%s[%d]", at, i), one); field != nil {
				return field
			}
		}
	case map[string]any:
		if schema.MaxProperties != nil && len(v) > *schema.MaxProperties {
			return &FieldError{Field: cmp.Or(at, "body"), Detail: fmt.Sprintf("%d names, at most %d: leave some out", len(v), *schema.MaxProperties)}
		}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			if one, has := v[name]; has {
				if field := tooMany(schema.Properties[name], join(at, name), one); field != nil {
					return field
				}
			}
		}
	}
	return nil
}

// check adds what a schema refuses of a value; at is the name of the value, empty for the body.
func (s *specification) check(schema *jsonschema.Schema, at string, value any, wrong *wrongFields) {
	var refused *jsonschema.ValidationError
	if errors.As(schema.Validate(value), &refused) {
		s.collect(refused, at, wrong)
	}
}

// collect takes the innermost errors: the others only say where those are.
func (s *specification) collect(e *jsonschema.ValidationError, at string, wrong *wrongFields) {
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			s.collect(cause, at, wrong)
		}
		return
	}
	field := fieldName(at, e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, missing := range k.Missing {
			wrong.add(join(field, missing), "it is missing: set it")
		}
	case *kind.AdditionalProperties:
		for _, name := range slices.Sorted(slices.Values(k.Properties)) {
			detail := "there is no such field: remove it"
			if name == "by" {
				detail = "the name of the token is recorded: remove it"
			}
			wrong.add(join(field, shortName(name)), detail)
		}
	default:
		if field == "" {
			field = "body"
		}
		wrong.add(field, s.inWords(e))
	}
}

// inWords says what a schema wants instead of a value. It repeats nothing of the value but its length.
func (s *specification) inWords(e *jsonschema.ValidationError) string {
	words := s.want(e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return "want " + strings.Join(k.Want, " or ")
	case *kind.Enum:
		allowed := make([]string, len(k.Want))
		for i, w := range k.Want {
			allowed[i] = fmt.Sprint(w)
		}
		return "want one of " + strings.Join(allowed, ", ")
	case *kind.Pattern:
		if words == "" {
			words = "text that fits " + k.Want
		}
	case *kind.MinLength:
		if words == "" {
			words = fmt.Sprintf("at least %d characters", k.Want)
		}
	case *kind.MaxLength:
		return fmt.Sprintf("%d characters, at most %d bytes: shorten it", k.Got, k.Want)
	case *kind.Format:
		words = "a time such as 2026-05-01T12:00:00Z, from 2000 to 2199"
	case *kind.Minimum:
		words = "at least " + k.Want.RatString()
	case *kind.Maximum:
		words = "at most " + k.Want.RatString()
	case *kind.MinItems:
		words = fmt.Sprintf("at least %d", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("%d, at most %d: send fewer at once", k.Got, k.Want)
	case *kind.UniqueItems:
		return "two are the same: leave one out"
	case *kind.MinProperties:
		words = fmt.Sprintf("at least %d field", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("%d names, at most %d: leave some out", k.Got, k.Want)
	}
	if words == "" {
		return "it can't be used: see its schema in /v1/openapi.yaml"
	}
	return "want " + words
}

// fieldName is a location as people write it, such as requests[0].messageId.
func fieldName(at string, location []string) string {
	for _, token := range location {
		if _, err := strconv.Atoi(token); err == nil {
			at += "[" + token + "]"
		} else {
			at = join(at, shortName(token))
		}
	}
	return at
}

func join(object, name string) string {
	if object == "" {
		return name
	}
	return object + "." + name
}

// shortName is a name that came from outside, bounded and printable.
func shortName(name string) string {
	const most = 60
	clean := strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(name, "_"))
	if runes := []rune(clean); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return clean
}
