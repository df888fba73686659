package keyring

import (
	"errors"
	"fmt"
)

// ErrOpen says that sealed bytes were not opened: cut, altered, sealed by a key that this Ring
// does not hold, or sealed for another context. The error does not say which.
var ErrOpen = errors.New("keyring: sealed bytes cannot be opened")

// Seal encrypts plaintext and binds it to the context, which Open must be given again. The
// context is authenticated, not hidden, and not stored. The result is 33 bytes longer than the
// plaintext and differs on each call. Two sealed values can be told apart only by their length.
func (r *Ring) Seal(plaintext []byte, context ...string) ([]byte, error) {
	var buf [128]byte
	sealed, err := r.aead.Encrypt(plaintext, appendContext(buf[:0], purposeSeal, context))
	if err != nil {
		return nil, fmt.Errorf("keyring: seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same context, by this Ring or one it was rotated from.
// The only error is ErrOpen.
func (r *Ring) Open(sealed []byte, context ...string) ([]byte, error) {
	var buf [128]byte
	plaintext, err := r.aead.Decrypt(sealed, appendContext(buf[:0], purposeSeal, context))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}
