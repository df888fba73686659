package artmailhook

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// fields are the members of a body, those at the top over those under data.
type fields struct {
	top  map[string]json.RawMessage
	data map[string]json.RawMessage
}

func readFields(body []byte) (fields, error) {
	var f fields
	if err := json.Unmarshal(body, &f.top); err != nil {
		return f, fmt.Errorf("%w: %w", ErrUnparseable, err)
	}
	// A data that is no object is an extra field like any other.
	if raw, ok := f.top["data"]; ok && json.Unmarshal(raw, &f.data) == nil {
		delete(f.top, "data")
	}
	return f, nil
}

// get returns nil for what is absent or null in both places.
func (f fields) get(name string) json.RawMessage {
	for _, place := range []map[string]json.RawMessage{f.top, f.data} {
		if raw, ok := place[name]; ok && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

// text is a string field. A number keeps its digits: the formats of Artmail's IDs are not documented.
func (f fields) text(name string) string { return text(f.get(name)) }

func text(raw json.RawMessage) string {
	var s string
	switch {
	case len(raw) == 0:
	case raw[0] == '"':
		// It is a valid JSON string, since the whole body was valid.
		_ = json.Unmarshal(raw, &s)
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		s = string(raw)
	}
	return s
}

// number is zero for what is no number, in quotes or without.
func (f fields) number(name string) float64 {
	n, err := strconv.ParseFloat(f.text(name), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

// boolean is nil for what is neither true nor false: an approval must not be guessed.
func (f fields) boolean(name string) *bool {
	var b *bool
	if raw := f.get(name); raw == nil || json.Unmarshal(raw, &b) != nil {
		return nil
	}
	return b
}

// millisFrom tells milliseconds from seconds: as seconds it is the year 5138, as milliseconds March 1973.
const millisFrom = 1e11

// layouts of ISO 8601; those without a zone are taken as UTC.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"}

// time reads ISO text, seconds or milliseconds, the numbers in quotes or without, and rounds to the millisecond. It is zero for
// anything else and for what JSON can't carry on (a year beyond 9999).
func (f fields) time(name string) time.Time {
	s := strings.TrimSpace(f.text(name))
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return within(t.UTC().Truncate(time.Millisecond))
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n > 0) || n >= 253402300799000 {
		return time.Time{}
	}
	if n < millisFrom {
		n *= 1000
	}
	return within(time.UnixMilli(int64(n)).UTC())
}

func within(t time.Time) time.Time {
	if t.Unix() <= 0 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
