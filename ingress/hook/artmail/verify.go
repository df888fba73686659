package artmail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

// SignatureHeader carries the hex HMAC-SHA256 of the raw body (Artmail, "Publish your agent").
const SignatureHeader = "X-Artmail-Signature"

// Verify checks the signatures of a request against the raw body: hex in any case, with or without the prefix "sha256=". It accepts any that fits.
// hook.Signatures, in hook/secret.go, reads them from the header. Verify computes the MAC of each secret even if no signature is well-formed, so that
// its time does not depend on the signatures.
func Verify(body []byte, given []string, secrets hook.Secrets) error {
	sums := make([][sha256.Size]byte, 0, hook.MaxSignatures)
	for _, signature := range given {
		if sum, ok := decode(signature); ok && len(sums) < hook.MaxSignatures {
			sums = append(sums, sum)
		}
	}
	verified := secrets.Any(func(secret []byte) bool {
		want := sum(body, secret)
		found := false
		for _, sum := range sums {
			if hmac.Equal(want[:], sum[:]) {
				found = true
			}
		}
		return found
	})
	if !verified {
		return hook.ErrUnverified
	}
	return nil
}

// Sign returns the signature that Artmail would send, the hex HMAC-SHA256 of the body. Simulators and tests use it.
func Sign(body []byte, secret string) string {
	mac := sum(body, []byte(secret))
	return hex.EncodeToString(mac[:])
}

func sum(body, secret []byte) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	mac.Sum(sum[:0])
	return sum
}

// WellFormed reports whether Verify can use a signature.
func WellFormed(signature string) bool {
	_, ok := decode(signature)
	return ok
}

func decode(signature string) (sum [sha256.Size]byte, ok bool) {
	const prefix = "sha256="
	signature = strings.TrimSpace(signature)
	if len(signature) > len(prefix) && strings.EqualFold(signature[:len(prefix)], prefix) {
		signature = signature[len(prefix):]
	}
	if len(signature) != hex.EncodedLen(sha256.Size) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(signature))
	return sum, err == nil
}
