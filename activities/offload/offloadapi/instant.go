package offloadapi

import (
	"encoding/json"
	"fmt"
	"time"
)

// noTime is where Offload's "nothing is scheduled" begins: the year 9999 stands for it, with and without its last 999 ms. It is also
// the last moment that a time.Time can be written as JSON.
const noTime = 253402300799000

// Instant is a moment as Offload writes it: Unix milliseconds on cases, ISO 8601 for an attachment's expiry. Either is read anywhere.
// What is no moment of these millennia is the zero time.
type Instant struct{ time.Time }

// UnmarshalJSON reads a number, an ISO 8601 string or null.
func (i *Instant) UnmarshalJSON(raw []byte) error {
	*i = Instant{}
	if string(raw) == "null" {
		return nil
	}
	if raw[0] == '"' {
		var t time.Time
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("read time: %w", err)
		}
		*i = fromMillis(float64(t.UnixMilli()))
		return nil
	}
	var ms float64
	if err := json.Unmarshal(raw, &ms); err != nil {
		return fmt.Errorf("read time: %w", err)
	}
	*i = fromMillis(ms)
	return nil
}

// fromMillis is exact for every millisecond below noTime: a float64 holds integers up to 2^53.
func fromMillis(ms float64) Instant {
	if ms <= 0 || ms >= noTime {
		return Instant{}
	}
	return Instant{time.UnixMilli(int64(ms)).UTC()}
}
