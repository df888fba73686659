// Package wire reads the JSON that providers write: webhooks and answers of their APIs.
//
// A provider changes a field's type without notice, and the event or answer around that field must not be lost for it. So Read
// loses the one value that it can't read, names it, and reads the rest:
//
//   - Names are compared exactly. Of a name that stands twice, the last value counts.
//   - Text: a string, or a number, which keeps its digits (an ID may be a number).
//   - Whole number, not negative: 2, 2.0, 2e0 or "2".
//   - Number: any finite one, also in quotes.
//   - Boolean: true and false only. A decision is never guessed.
//   - Time: Unix seconds or milliseconds, RFC 3339 or an HTTP date; see instant. It is in UTC, to the millisecond.
//   - Object and list of objects: another value is lost; a list loses only the members that are not objects.
//   - json.RawMessage: any value that stands at most 1,000 levels deep.
//   - null is the zero value, as if the field were absent. It is not lost.
//
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

// ErrJSON says that the bytes are not one JSON object. Reading them again changes nothing.
var ErrJSON = errors.New("not a JSON object")

// MaxLost bounds how many lost values are named.
const MaxLost = 20

// Read reads a JSON object into the struct that v points to and names the values that it lost, such as data.attemptCount or
// data.attachments[1], at most MaxLost of them. It fails with ErrJSON, whose message repeats no value.
//
// Fields may be string, *string, *bool, int, int64, float64, time.Time, json.RawMessage of encoding/json, a struct, a pointer to a
// struct or a slice of structs. A pointer is nil where the value is absent, null or lost.
func Read(body []byte, v any) (lost []string, err error) {
	r, ok := readers.Get().(*reader)
	if !ok {
		r = newReader()
	}
	defer func() {
		r.lost = nil
		readers.Put(r)
	}()
	if err := json.Unmarshal(bytes.TrimPrefix(body, byteOrderMark), v, r.options); err != nil {
		return r.lost, explain(err)
	}
	return r.lost, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// readers are kept, since the library caches by options what it has learnt of a type.
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

// explain keeps the place of a fault and not the text around it, which may be a secret.
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

// lose names the value that was read last.
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

// path writes /data/attachments/1 as data.attachments[1].
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
