package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrToken says that a token is not the one for the context. A malformed token, one by an
// unknown key and one for another context are not told apart.
var ErrToken = errors.New("keyring: token is not valid")

// Strict refuses a second spelling of the same token (stray bits in the last character), so
// that a token is also usable as a key in logs of refused requests or in caches.
var tokenEncoding = base64.RawURLEncoding.Strict()

// Token returns the capability token for the context: 50 characters of base64url without
// padding, the same on each call until the keys rotate. Tokens of earlier keys stay valid.
func (r *Ring) Token(context ...string) string {
	var buf [256]byte
	return tokenEncoding.EncodeToString(mustMAC(r.mac, appendContext(buf[:0], purposeToken, context)))
}

// VerifyToken returns nil when the token was made for the context by this Ring or one it was
// rotated from, and ErrToken in every other case. The comparison takes the same time wherever
// the token differs; only its length and key id, both public, shorten the work.
func (r *Ring) VerifyToken(token string, context ...string) error {
	// The decoder skips line breaks even when strict.
	if strings.ContainsAny(token, "\r\n") {
		return ErrToken
	}
	tag, err := tokenEncoding.DecodeString(token)
	if err != nil {
		return ErrToken
	}
	var buf [256]byte
	if err := r.mac.VerifyMAC(tag, appendContext(buf[:0], purposeToken, context)); err != nil {
		return ErrToken
	}
	return nil
}

// Fingerprint returns a keyed hash of data within a context (37 bytes), for telling whether
// two bodies are equal without keeping either: without the keys, not even a guessed body can
// be confirmed.
//
// It is made with the oldest enabled token key and so stays the same over rotation, since a
// fingerprint that changed would make each repeated delivery look like another body. It
// changes only when that oldest key is taken out of the keyset; bodies fingerprinted before
// then compare as different.
func (r *Ring) Fingerprint(data []byte, context ...string) []byte {
	message := appendContext(make([]byte, 0, 128+len(data)), purposeFingerprint, context)
	return mustMAC(r.fingerprint, append(message, data...))
}

// mustMAC panics instead of returning an error that cannot happen: newRing has tried the keys,
// and an HMAC fails for no message.
func mustMAC(key tink.MAC, message []byte) []byte {
	tag, err := key.ComputeMAC(message)
	if err != nil {
		panic(fmt.Sprintf("keyring: a keyset that made a MAC when it was loaded makes none now: %v", err))
	}
	return tag
}
