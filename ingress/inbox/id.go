package inbox

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// idCount tells apart the IDs of one microsecond, in the order in which one process made them.
var idCount atomic.Uint32

// NewID returns the ID of a delivery that arrived at a time: a UUID of version 7. IDs sort by that time, to the microsecond;
// equal times sort as one process made them. A caller that seals a body for its delivery makes the ID first.
func NewID(arrival time.Time) string {
	id := firstID(arrival)
	// The system's random source does not fail: the runtime ends the process where it can't be read.
	_, _ = rand.Read(id[12:])
	count := idCount.Add(1)
	// After the variant's two bits: 30 bits of the count, then 32 random ones.
	binary.BigEndian.PutUint32(id[8:12], count&0x3fffffff|0x80000000)
	return id.String()
}

// FirstID is not above any ID of the time and above every ID of an earlier one.
func FirstID(arrival time.Time) string { return firstID(arrival).String() }

// firstID holds milliseconds in its first 48 bits, and after the version's 4 bits the microseconds within.
func firstID(arrival time.Time) uuid.UUID {
	var id uuid.UUID
	micros := uint64(max(arrival.UnixMicro(), 0))
	milli := min(micros/1000, 1<<48-1)
	binary.BigEndian.PutUint64(id[:8], milli<<16|0x7000|(micros%1000)<<2)
	return id
}

// ParseID returns ErrInvalid for what is no ID.
func ParseID(id string) error {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return fmt.Errorf("%w: %q is no delivery ID", ErrInvalid, id)
	}
	return nil
}
