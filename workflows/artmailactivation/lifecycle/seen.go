package lifecycle

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// seen says whether the dedupe key came before, and remembers it. A key is kept as 96 bits of its hash, so that its length doesn't
// count. An event without a key is never a duplicate here.
func (s *State) seen(key string) bool {
	if key == "" {
		return false
	}
	sum := sha256.Sum256([]byte(key))
	short := base64.RawURLEncoding.EncodeToString(sum[:12])
	if slices.Contains(s.Seen, short) {
		return true
	}
	s.Seen = append(s.Seen, short)
	if extra := len(s.Seen) - maxSeen; extra > 0 {
		s.Seen = slices.Delete(s.Seen, 0, extra)
	}
	return false
}
