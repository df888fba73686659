package offload

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

// Verify checks the secret of the shared route. Offload signs nothing, so the body plays no part. Hashes are compared: they have equal
// lengths.
func Verify(_ []byte, given []string, secrets hook.Secrets) error {
	fits := secrets.Any(func(secret []byte) bool {
		want := sha256.Sum256(secret)
		found := 0
		for _, one := range given {
			sum := sha256.Sum256([]byte(one))
			found |= subtle.ConstantTimeCompare(sum[:], want[:])
		}
		return found == 1
	})
	if !fits {
		return hook.ErrUnverified
	}
	return nil
}
