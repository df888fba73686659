package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// Appended returns the list with the item added, and without its oldest items beyond most. It never writes into the list's array.
func Appended[T any](list []T, item T, most int) []T {
	drop := max(0, len(list)+1-most)
	return slices.Concat(list[drop:], []T{item})
}

// Seen is a window of the newest dedupe keys, oldest first. It stores 96 bits of each key's hash, so long keys need no more room.
type Seen []string

// Has reports whether the key is in the window. An empty key never is.
func (s Seen) Has(key string) bool { return key != "" && slices.Contains(s, ShortKey(key)) }

// With returns the window with the key added, and with at most so many keys.
func (s Seen) With(key string, most int) Seen {
	if key == "" || s.Has(key) {
		return s
	}
	return Appended(s, ShortKey(key), most)
}

// ShortKey returns 96 bits of the key's hash.
func ShortKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
