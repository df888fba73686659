package inbox

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// idCount orders the IDs that this process makes within one microsecond.
var idCount atomic.Uint32

// NewID returns the ID of a delivery that arrived at a time: a UUID of version 7. IDs sort by that time, to the microsecond;
// equal times sort as one process made them. A caller that binds a sealed body to its delivery makes the ID first.
func NewID(arrival time.Time) string {
	id := firstID(arrival)
	// The system's random source does not fail: the runtime ends the process where it can't be read.
	_, _ = rand.Read(id[12:])
	count := idCount.Add(1)
	// After the variant's two bits: 30 bits of the count, then 32 random ones.
	binary.BigEndian.PutUint32(id[8:12], count&0x3fffffff|0x80000000)
	return id.String()
}

// FirstID returns the smallest ID of a time: not greater than any ID of that microsecond, greater than all earlier IDs.
func FirstID(arrival time.Time) string { return firstID(arrival).String() }

// firstID returns an ID with milliseconds in its first 48 bits and, after the 4 bits of the version, the microseconds within one.
func firstID(arrival time.Time) uuid.UUID {
	var id uuid.UUID
	micros := uint64(max(arrival.UnixMicro(), 0))
	milli := min(micros/1000, 1<<48-1)
	binary.BigEndian.PutUint64(id[:8], milli<<16|0x7000|(micros%1000)<<2)
	return id
}

// ValidateID returns ErrInvalid if id is not a UUID in canonical form.
func ValidateID(id string) error {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return fmt.Errorf("%w: %q is not a delivery ID", ErrInvalid, id)
	}
	return nil
}
