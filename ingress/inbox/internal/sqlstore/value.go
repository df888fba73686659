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

// The unique key of a delivery is a hash of its lane followed by one of its dedupe key: fixed in size, with the deliveries of
// a lane together. The hashes are stored, so they must not change. 128 bits of the key are beyond an accidental collision.
const (
	laneSize   = 8
	keySize    = 16
	uniqueSize = laneSize + keySize
)

// uniqueKey is a delivery's unique key. A delivery without a dedupe key is alone with its ID.
func uniqueKey(d inbox.Delivery) [uniqueSize]byte {
	if d.DedupeKey == "" {
		return unique(d.Lane, d.ID)
	}
	return unique(d.Lane, d.Provider, d.Scope, d.Lane, d.DedupeKey)
}

// conflictKey is the unique key of a delivery whose body differs from the first one with its dedupe key. It separates such
// bodies, so that a repetition of any of them is a duplicate of that one.
func conflictKey(d inbox.Delivery) [uniqueSize]byte {
	return unique(d.Lane, d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
}

// unique hashes parts, each after its length, so that no two lists of parts are spelt alike.
func unique(lane string, parts ...string) (key [uniqueSize]byte) {
	laneSum := sha256.Sum256([]byte(lane))
	var buffer [256]byte
	b := buffer[:0]
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	copy(key[:laneSize], laneSum[:])
	copy(key[laneSize:], sum[:])
	return key
}

// laneKey is the hash of a lane that unique keys begin with, as a number.
func laneKey(lane string) int64 {
	sum := sha256.Sum256([]byte(lane))
	return int64(binary.BigEndian.Uint64(sum[:laneSize]))
}

// laneRange holds the unique keys of a lane's deliveries, both ends included. Another lane's may be among them, though that is
// improbable: compare the lane as well.
func laneRange(lane string) (first, last []byte) {
	sum := sha256.Sum256([]byte(lane))
	first = append(sum[:laneSize:laneSize], bytes.Repeat([]byte{0}, keySize)...)
	last = append(sum[:laneSize:laneSize], bytes.Repeat([]byte{0xff}, keySize)...)
	return first, last
}

// sameBody compares fingerprints. An unknown body counts as the same: the key alone then says duplicate.
func sameBody(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }
