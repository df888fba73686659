package wire

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// value reads the next value into field, a pointer to a struct's field. The library calls it for each value with a field in the struct.
// It returns syntax errors only.
func (r *reader) value(d *jsontext.Decoder, field any) error {
	switch field.(type) {
	case *string, **string, **bool, *int, *int64, *float64, *time.Time, *stdjson.RawMessage:
	default:
		return r.composite(d, reflect.ValueOf(field).Elem())
	}
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	var read bool
	switch to := field.(type) {
	case *string:
		read = set(to, raw, text)
	case *time.Time:
		read = set(to, raw, instant)
	case **string:
		read = set(to, raw, pointer(text))
	case **bool:
		read = set(to, raw, pointer(boolean))
	case *int:
		read = set(to, raw, whole[int])
	case *int64:
		read = set(to, raw, whole[int64])
	case *float64:
		read = set(to, raw, number)
	case *stdjson.RawMessage:
		read = set(to, raw, rawValue)
	}
	if !read {
		return r.lose(d)
	}
	return nil
}

// set stores the parsed value, or the zero value for null and for a value that parse can't read.
func set[T any](to *T, raw []byte, parse func([]byte) (T, bool)) (read bool) {
	*to = *new(T)
	if raw[0] == 'n' {
		return true
	}
	value, read := parse(raw)
	if read {
		*to = value
	}
	return read
}

func pointer[T any](parse func([]byte) (T, bool)) func([]byte) (*T, bool) {
	return func(raw []byte) (*T, bool) {
		value, read := parse(raw)
		if !read {
			return nil, false
		}
		return &value, true
	}
}

// Text reads one JSON value in the way Read reads a string field.
func Text(raw stdjson.RawMessage) (value string, read bool) {
	if len(raw) == 0 {
		return "", false
	}
	return text(raw)
}

func text(raw []byte) (string, bool) {
	switch kind := raw[0]; {
	case kind == '"':
		inner := raw[1 : len(raw)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			return strings.ToValidUTF8(string(inner), "\uFFFD"), true
		}
		// The error only reports that invalid UTF-8 was replaced.
		unquoted, _ := jsontext.AppendUnquote(nil, raw)
		return string(unquoted), true
	case kind == '-' || kind >= '0' && kind <= '9':
		return string(raw), true
	}
	return "", false
}

func boolean(raw []byte) (value, read bool) { return raw[0] == 't', raw[0] == 't' || raw[0] == 'f' }

// maxWhole is the largest whole number that every JSON reader keeps exactly.
const maxWhole = 1 << 53

func whole[T int | int64](raw []byte) (T, bool) {
	n, read := number(raw)
	if !read || n != math.Trunc(n) || n < 0 || n > maxWhole {
		return 0, false
	}
	return T(n), true
}

func number(raw []byte) (float64, bool) {
	s, read := text(raw)
	if !read {
		return 0, false
	}
	return parseNumber(strings.TrimSpace(s))
}

// parseNumber parses a decimal number. Unlike strconv, it accepts no hexadecimal digits, no infinity and no underscores.
func parseNumber(s string) (float64, bool) {
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// rawValue copies any JSON value. It replaces invalid UTF-8, because Temporal's Web UI can't show a payload with it.
func rawValue(raw []byte) (stdjson.RawMessage, bool) {
	if _, tooDeep := cutBelow(raw, maxDepth); tooDeep {
		return nil, false
	}
	return bytes.ToValidUTF8(raw, []byte("\uFFFD")), true
}

const (
	// maxDepth is the deepest nesting of objects and lists in a json.RawMessage. The value is later wrapped in others, and must stay readable in a
	// workflow's state.
	maxDepth = 1000
	// readableDepth is the deepest nesting that Go's readers of JSON accept.
	readableDepth = 10_000
)

// CutDeep returns a body that Go's readers of JSON accept: null stands for each object and list below 10,000 levels. What is left there is still too
// deep for a json.RawMessage, so Read names the field as lost.
func CutDeep(body []byte) []byte {
	body, _ = cutBelow(body, readableDepth)
	return body
}

// cutBelow puts null in the place of each object and list that is nested deeper than most, and reports whether there is one.
func cutBelow(text []byte, most int) (kept []byte, cut bool) {
	if len(text) < 2*most {
		return text, false
	}
	depth, from, inText := 0, 0, false // from is where the text goes on that is not copied yet
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{', c == '[':
			if depth++; depth == most+1 {
				kept, cut = append(append(kept, text[from:i]...), "null"...), true
				from = len(text) // until it ends
			}
		case c == '}', c == ']':
			if depth == most+1 {
				from = i + 1
			}
			depth--
		}
	}
	if !cut {
		return text, false
	}
	return append(kept, text[from:]...), true
}

// composite lets the library read objects, and reads lists itself.
func (r *reader) composite(d *jsontext.Decoder, field reflect.Value) error {
	kind := d.PeekKind()
	field.SetZero() // an earlier value of the same name does not count
	switch {
	case kind == jsontext.KindNull && d.StackDepth() == 0:
		return errNoObject
	case field.Kind() == reflect.Slice && kind == jsontext.KindBeginArray:
		return r.list(d, field)
	case field.Kind() != reflect.Slice && kind == jsontext.KindBeginObject, kind == jsontext.KindNull:
		return errors.ErrUnsupported // the library then reads the value itself
	}
	if err := d.SkipValue(); err != nil {
		return err
	}
	return r.lose(d)
}

// list reads a list of objects and leaves out members that are not objects.
func (r *reader) list(d *jsontext.Decoder, list reflect.Value) error {
	list.Set(reflect.MakeSlice(list.Type(), 0, 0))
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for {
		switch d.PeekKind() {
		case jsontext.KindEndArray:
			_, err := d.ReadToken()
			return err
		case jsontext.KindBeginObject:
			member := reflect.New(list.Type().Elem())
			if err := json.UnmarshalDecode(d, member.Interface()); err != nil {
				return err
			}
			list.Set(reflect.Append(list, member.Elem()))
		default:
			if err := d.SkipValue(); err != nil {
				return err
			}
			if err := r.lose(d); err != nil {
				return err
			}
		}
	}
}
