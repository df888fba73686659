package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Appended returns the list with the item, without the oldest items beyond most. It never writes into the array of the list.
func Appended[T any](list []T, item T, most int) []T {
	drop := max(0, len(list)+1-most)
	return slices.Concat(list[drop:], []T{item})
}

// Seen is a window of the newest dedupe keys, oldest first. A key is kept as 96 bits of its hash, so its length does not count.
type Seen []string

// Has says whether the key is in the window. An empty key never is.
func (s Seen) Has(key string) bool { return key != "" && slices.Contains(s, shortKey(key)) }

// With returns the window with the key and at most that many keys.
func (s Seen) With(key string, most int) Seen {
	if key == "" || s.Has(key) {
		return s
	}
	return Appended(s, shortKey(key), most)
}

func shortKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Due says whether a time has come. The zero time never comes.
func Due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// Sooner returns the earlier of two times, of which zero means never.
func Sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// futureLimit is how far ahead of its arrival an event's time may be. Clocks of machines differ by less.
const futureLimit = 5 * time.Minute

// EventTime is the provider's time of an event. A time that is missing, or more than five minutes after the arrival, counts as the arrival.
func EventTime(occurred, received time.Time) time.Time {
	if occurred.IsZero() || occurred.After(received.Add(futureLimit)) {
		return received
	}
	return occurred
}

// Stamp is a time as people read it: to the second, in UTC.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
