package hook

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnverified is the error for every signature or secret that is absent, malformed, made for another body or with another secret.
var ErrUnverified = errors.New("no secret verifies it")

// ErrEmptySecret says that a secret is missing or empty. With an empty secret, everyone could sign.
var ErrEmptySecret = errors.New("empty webhook secret")

// Secrets are the webhook secrets of one sender: usually one, or two while one replaces the other.
type Secrets struct{ secrets [][]byte }

// NewSecrets returns ErrEmptySecret for an empty list or an empty secret.
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

// Any reports whether verify accepts a secret. It always tries every secret, so that its time does not show which one is right.
func (s Secrets) Any(verify func(secret []byte) bool) bool {
	found := false
	for _, secret := range s.secrets {
		if verify(secret) {
			found = true
		}
	}
	return found
}

// String keeps the secrets out of logs.
func (s Secrets) String() string { return fmt.Sprintf("hook.Secrets(%d)", len(s.secrets)) }

// Format prints String for every verb.
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MaxSignatures is how many signatures of one request are tried.
const MaxSignatures = 8

// Signatures returns the first MaxSignatures signatures in the lines of a header. A line may hold several, separated by commas.
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
