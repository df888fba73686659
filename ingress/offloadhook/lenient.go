package offloadhook

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// text is a JSON string. A number keeps its digits, since nothing says that IDs never are numbers; anything else is not said.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	switch {
	case raw[0] == '"' && isPlain(raw[1:len(raw)-1]):
		*t = text(raw[1 : len(raw)-1])
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case isNumber(raw):
		*t = text(raw)
	}
	return nil
}

// count is a JSON number without a fraction; anything else is not said.
type count int64

func (c *count) UnmarshalJSON(raw []byte) error {
	*c = 0
	if f, err := strconv.ParseFloat(string(raw), 64); err == nil && f >= 0 && f < 1<<53 {
		*c = count(f)
	}
	return nil
}

// millis is a time in Unix milliseconds, as Offload sends all times of webhooks. Digits in quotes and RFC 3339 are understood
// too; anything else is not said.
type millis time.Time

// beyondMillis is Offload's "nothing scheduled" (the end of the year 9999, to the second), and the last time that JSON can carry.
const beyondMillis = 253402300799000

func (m *millis) UnmarshalJSON(raw []byte) error {
	*m = millis{}
	s := string(raw)
	if raw[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		if t, err := time.Parse(time.RFC3339, s); err == nil && t.UnixMilli() > 0 && t.UnixMilli() < beyondMillis {
			*m = millis(t.UTC())
			return nil
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f > 0 && f < beyondMillis {
		*m = millis(time.UnixMilli(int64(f)).UTC())
	}
	return nil
}

func (m millis) time() time.Time { return time.Time(m) }

// isPlain says that a JSON string stands for itself: nearly all do, and each webhook has several.
func isPlain(s []byte) bool { return bytes.IndexByte(s, '\\') < 0 && utf8.Valid(s) }

func isNumber(raw []byte) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }
