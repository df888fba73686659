// Package hash makes the fixed-size keys under which stores index lanes and dedupe keys. The
// values are stored, so the functions must not change.
package hash

import (
	"crypto/sha256"
	"encoding/binary"
)

// KeySize is the length of a Key: 128 bits, beyond reach of an accidental collision.
const KeySize = 16

// Lane is a lane's short name in an index. Two lanes with one number are not an error, only
// improbable: whoever reads by it compares the lane as well.
func Lane(lane string) int64 {
	sum := sha256.Sum256([]byte(lane))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// Key is the unique key of a delivery: of its parts, each after its length, so that no two
// lists of parts share a spelling.
func Key(parts ...string) [KeySize]byte {
	var buf [256]byte
	b := buf[:0]
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return [KeySize]byte(sum[:KeySize])
}
