package workflows

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that is written as text, such as "15m0s", in JSON and in the Temporal Web UI.
type Duration time.Duration

// Std returns the duration as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns the standard library's form, such as "1h30m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the form of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads Go's duration syntax, such as "90s", "15m" or "72h".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("duration %q: want a number with a unit, such as 90s, 15m or 72h", text)
	}
	*d = Duration(v)
	return nil
}
