package keyring

import "encoding/binary"

// purpose separates the uses of one key: a fingerprint must never verify as a token,
// even with the same contexts.
type purpose byte

const (
	purposeSeal        purpose = 's'
	purposeToken       purpose = 't'
	purposeFingerprint purpose = 'f'
)

// appendContext encodes purpose and context so that no two different lists share an encoding
// and none is a prefix of another: the number of parts, then each part after its length. The
// encoding is part of every stored value and every token given out, and must not change.
func appendContext(dst []byte, use purpose, context []string) []byte {
	dst = append(dst, byte(use))
	dst = binary.AppendUvarint(dst, uint64(len(context)))
	for _, part := range context {
		dst = binary.AppendUvarint(dst, uint64(len(part)))
		dst = append(dst, part...)
	}
	return dst
}
