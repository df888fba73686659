// Package table is what the tables of both stores have in common: how values are held, what makes a delivery unique, and how
// a list is asked for.
package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Micros is a time in microseconds since 1970; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the way back from Micros, in UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Bytes makes an absent value an empty one, for columns that are NOT NULL.
func Bytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// The unique key of a delivery is a hash of its lane followed by one of its dedupe key: fixed in size, with the deliveries of
// a lane together. The hashes are stored, so they must not change. 128 bits of the key are beyond an accidental collision.
const (
	laneSize   = 8
	keySize    = 16
	UniqueSize = laneSize + keySize
)

// Unique is a delivery's unique key. A delivery without a dedupe key is alone with its ID.
func Unique(d inbox.Delivery) [UniqueSize]byte {
	if d.DedupeKey == "" {
		return unique(d.Lane, d.ID)
	}
	return unique(d.Lane, d.Provider, d.Scope, d.Lane, d.DedupeKey)
}

// UniqueConflict is the unique key of a delivery whose body differs from the first one with its dedupe key. It separates such
// bodies, so that a repetition of any of them is a duplicate of that one.
func UniqueConflict(d inbox.Delivery) [UniqueSize]byte {
	return unique(d.Lane, d.Provider, d.Scope, d.Lane, d.DedupeKey, "conflict", string(d.Fingerprint))
}

// unique hashes parts, each after its length, so that no two lists of parts are spelt alike.
func unique(lane string, parts ...string) (key [UniqueSize]byte) {
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

// LaneKey is the hash of a lane that unique keys begin with, as a number.
func LaneKey(lane string) int64 {
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

// SameBody compares fingerprints. An unknown body counts as the same: the key alone then says duplicate.
func SameBody(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }
