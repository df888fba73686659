package courier

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Dice is a seeded random source: the same seed gives the same run. It is safe for concurrent use. Do not use it for secrets.
type Dice struct {
	mu     sync.Mutex
	source *rand.ChaCha8
	rand   *rand.Rand
}

// NewDice returns Dice with a seed.
func NewDice(seed uint64) *Dice {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	source := rand.NewChaCha8(key)
	return &Dice{source: source, rand: rand.New(source)}
}

// Float64 draws from [0, 1).
func (d *Dice) Float64() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64()
}

// IntN draws from [0, n).
func (d *Dice) IntN(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(n)
}

// Duration draws from [0, limit]; 0 if the limit is not positive.
func (d *Dice) Duration(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rand.Int64N(int64(limit) + 1))
}

// UUID draws a random UUID in its usual form.
func (d *Dice) UUID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var id uuid.UUID
	_, _ = d.source.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id.String()
}
