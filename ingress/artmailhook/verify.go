package artmailhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// SignatureHeader carries the hex HMAC-SHA256 of the raw body (Artmail, "Publish your agent").
const SignatureHeader = "X-Artmail-Signature"

// ErrSignature is the one answer to every signature that does not fit: absent, malformed, of another body or by another secret.
var ErrSignature = errors.New("signature does not fit")

// ErrEmptySecret says that a secret is missing. With an empty one anybody could sign.
var ErrEmptySecret = errors.New("empty webhook secret")

// Secrets are the webhook secrets of one agent: usually one, two while one rolls over.
type Secrets struct{ keys [][]byte }

// NewSecrets refuses an empty secret, and an empty list.
func NewSecrets(secrets ...string) (Secrets, error) {
	if len(secrets) == 0 {
		return Secrets{}, ErrEmptySecret
	}
	var s Secrets
	for i, secret := range secrets {
		if strings.TrimSpace(secret) == "" {
			return Secrets{}, fmt.Errorf("secret %d: %w", i+1, ErrEmptySecret)
		}
		s.keys = append(s.keys, []byte(secret))
	}
	return s, nil
}

// String keeps the secrets out of logs.
func (s Secrets) String() string { return fmt.Sprintf("artmailhook.Secrets(%d)", len(s.keys)) }

// Format answers every verb with String.
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// Verify checks the value of SignatureHeader against the raw body: hex in any case, with or without the prefix "sha256=". Every
// failure is ErrSignature and costs the same work: each secret's MAC is computed and compared whatever the header says.
func Verify(body []byte, header string, secrets Secrets) error {
	header = strings.TrimSpace(header)
	if len(header) > len("sha256=") && strings.EqualFold(header[:len("sha256=")], "sha256=") {
		header = header[len("sha256="):]
	}
	var given [sha256.Size]byte
	wellFormed := len(header) == hex.EncodedLen(sha256.Size)
	if wellFormed {
		_, err := hex.Decode(given[:], []byte(header))
		wellFormed = err == nil
	}
	fits := false
	var sum [sha256.Size]byte
	for _, key := range secrets.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if hmac.Equal(mac.Sum(sum[:0]), given[:]) {
			fits = true
		}
	}
	if !fits || !wellFormed {
		return ErrSignature
	}
	return nil
}

// Sign is what Artmail does: the hex HMAC-SHA256 of the body. It serves tools and tests that play Artmail.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
