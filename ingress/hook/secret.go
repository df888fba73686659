package hook

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnverified is the error for every signature or secret that is absent, malformed, made for another body or with another secret.
var ErrUnverified = errors.New("no secret verifies it")

// ErrEmptySecret says that a secret is missing. An empty one would let anyone send.
var ErrEmptySecret = errors.New("empty webhook secret")

// Secrets are the webhook secrets of one sender: usually one, two while one rolls over.
type Secrets struct{ secrets [][]byte }

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
		s.secrets = append(s.secrets, []byte(secret))
	}
	return s, nil
}

// Any says whether a secret fits. It asks for every secret, so that the answer takes the same time whichever fits.
func (s Secrets) Any(fits func(secret []byte) bool) bool {
	found := false
	for _, secret := range s.secrets {
		if fits(secret) {
			found = true
		}
	}
	return found
}

// String keeps the secrets out of logs.
func (s Secrets) String() string { return fmt.Sprintf("hook.Secrets(%d)", len(s.secrets)) }

// Format answers every verb with String.
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MaxSignatures is how many signatures of one request are tried.
const MaxSignatures = 8

// Signatures are those in the lines of a header, of which each may hold several after commas: the first MaxSignatures.
func Signatures(lines []string) []string {
	var all []string
	for _, line := range lines {
		for signature := range strings.SplitSeq(line, ",") {
			if signature = strings.TrimSpace(signature); signature == "" {
				continue
			}
			if len(all) == MaxSignatures {
				return all
			}
			all = append(all, signature)
		}
	}
	return all
}
