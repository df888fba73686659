// Package wire reads the JSON of providers: webhooks and responses of their APIs.
//
// A provider may change a field's type without notice. The event or response must survive that, so Read drops only the values that it can't
// read, names them, and reads the rest:
//
//   - Names are compared exactly. If a name occurs twice, the last value counts.
//   - Text: a string, or a number, which keeps its digits (an ID may be a number).
//   - Whole number, not negative: 2, 2.0, 2e0 or "2".
//   - Number: any finite one, also in quotes.
//   - Boolean: true and false only, because a decision must not be guessed.
//   - Time: Unix seconds or milliseconds, RFC 3339 or an HTTP date; see instant. It is in UTC, to the millisecond.
//   - Object and list of objects: any other value is lost; a list loses only the members that are not objects.
//   - json.RawMessage: any value that is at most 1,000 levels deep.
//   - null is the zero value, as if the field were absent. It does not count as lost.
//
// An object or list below 10,000 levels is read as null, so that it loses only its field.
// A byte order mark is skipped. Invalid UTF-8 becomes U+FFFD. Invalid JSON is an error.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrJSON: the bytes are not one JSON object. A retry with the same bytes fails too.
var ErrJSON = errors.New("not a JSON object")

// MaxLost is the most lost values that are named.
const MaxLost = 20

// Read reads a JSON object into the struct that v points to. It returns the names of the values that it could not read, such as
// data.attemptCount or data.attachments[1], at most MaxLost. It fails with ErrJSON, whose message contains no value.
//
// Fields may be string, *string, *bool, int, int64, float64, time.Time, json.RawMessage of encoding/json, a struct, a pointer to a struct
// or a slice of structs. A pointer is nil if the value is absent, null or lost.
func Read(body []byte, v any) (lost []string, err error) {
	r, ok := readers.Get().(*reader)
	if !ok {
		r = newReader()
	}
	defer func() {
		r.lost = nil
		readers.Put(r)
	}()
	if err := json.Unmarshal(CutDeep(bytes.TrimPrefix(body, byteOrderMark)), v, r.options); err != nil {
		return r.lost, explain(err)
	}
	return r.lost, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readers are pooled, because the library caches what it knows of a type by its options.
var readers sync.Pool

type reader struct {
	options json.Options
	lost    []string
}

func newReader() *reader {
	r := &reader{}
	r.options = json.JoinOptions(
		jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true),
		json.WithUnmarshalers(json.UnmarshalFromFunc(r.value)),
	)
	return r
}

// explain returns the position of a syntax error, without the text around it, which may be a secret.
func explain(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: byte %d: %w", ErrJSON, syntax.ByteOffset, syntax.Err)
	case errors.Is(err, errNoObject):
		return fmt.Errorf("%w: %w", ErrJSON, errNoObject)
	}
	return fmt.Errorf("%w: %w", ErrJSON, err)
}

var errNoObject = errors.New("it is another JSON value")

// lose records the name of the value that was read last.
func (r *reader) lose(d *jsontext.Decoder) error {
	pointer := d.StackPointer()
	if pointer == "" {
		return errNoObject
	}
	if len(r.lost) < MaxLost {
		r.lost = append(r.lost, path(pointer))
	}
	return nil
}

// path formats /data/attachments/1 as data.attachments[1].
func path(pointer jsontext.Pointer) string {
	var b strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return b.String()
}
