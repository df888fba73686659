package lifecycle

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
)

// seen says whether the dedupe key came before. An event without a key is never a duplicate here.
func (s *State) seen(key string) bool {
	return key != "" && slices.Contains(s.Seen, shortened(key))
}

// remember puts a dedupe key into the window. An event that was ignored is not remembered: replayed once the cause is mended, it counts.
func (s *State) remember(key string) {
	if key == "" || s.seen(key) {
		return
	}
	s.Seen = append(s.Seen, shortened(key))
	if extra := len(s.Seen) - maxSeen; extra > 0 {
		s.Seen = slices.Delete(s.Seen, 0, extra)
	}
}

// shortened keeps 96 bits of the key's hash, so that its length doesn't count.
func shortened(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
