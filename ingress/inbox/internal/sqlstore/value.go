package sqlstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// micros is a time in microseconds since 1970; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros is the way back from micros, in UTC.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// keySize is the size of a unique key: 128 bits are beyond an accidental collision. Keys are hashes and are stored, so the functions
// here must not change.
const keySize = 16

// uniqueKey is what no two deliveries of a lane share. A delivery without a dedupe key is alone with its ID.
func uniqueKey(d inbox.Delivery) [keySize]byte {
	if d.DedupeKey == "" {
		return hash(d.ID)
	}
	return hash(d.Provider, d.Scope, d.Lane, d.DedupeKey)
}

// conflictKey is the unique key of a delivery whose body differs from the first one with its dedupe key. It separates such bodies, so
// that a repetition of any of them is a duplicate of that one.
func conflictKey(d inbox.Delivery) [keySize]byte {
	return hash(d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
}

// hash is of parts, each after its length, so that no two lists of parts are spelt alike.
func hash(parts ...string) [keySize]byte {
	var buffer [256]byte
	b := buffer[:0]
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return [keySize]byte(sum[:keySize])
}

// laneKey is a lane's number in the tables. Two lanes may have one number, though that is improbable: compare the lane as well.
func laneKey(lane string) int64 {
	sum := sha256.Sum256([]byte(lane))
	return int64(binary.BigEndian.Uint64(sum[:8]))
}

// sameBody compares fingerprints. An unknown body counts as the same: the key alone then says duplicate.
func sameBody(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }
