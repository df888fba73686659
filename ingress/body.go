package ingress

import (
	"bytes"
	"compress/gzip"
	"container/list"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

// The reasons why a body is not read to its end. They replace the errors of package net, which contain the sender's address.
var (
	errTooLarge = errors.New("body is larger than the limit")
	errInFlight = errors.New("too many bytes in flight")
	errNoRoom   = errors.New("too many unverified bytes in flight")
	errSlow     = errors.New("body did not arrive in time")
	errCut      = errors.New("body ended before its length")
)

// bodies reads request bodies into memory. Verified and unverified bodies have separate budgets, so that unverified senders can't use up
// the memory for verified ones. The budgets are MaxInFlight and MaxUnverifiedInFlight in config.go, 64 and 16 MiB by default. A body counts with
// the size of its buffer, not with its Content-Length.
type bodies struct {
	verified, unverified budget
	// most is the largest body, in bytes, before and after it is inflated.
	most int64
	// readTimeout bounds the reading of one request.
	readTimeout time.Duration
	now         func() time.Time
	pool        sync.Pool
}

const (
	// bodyStart holds most webhooks in one piece; bodyPooled is the largest buffer that is kept for the next request.
	bodyStart  = 4 << 10
	bodyPooled = 64 << 10

	// An unverified body must arrive within readGrace, and a larger one at minReadRate bytes a second.
	readGrace   = 2 * time.Second
	minReadRate = 64 << 10
)

func newBodies(c Config, now func() time.Time) *bodies {
	return &bodies{
		verified: budget{free: c.MaxInFlight}, unverified: budget{free: c.MaxUnverifiedInFlight},
		most: c.MaxBody, readTimeout: c.ReadTimeout, now: now,
	}
}

// body is the body of one request. Release it when its bytes are not used any more.
type body struct {
	pool   *sync.Pool
	budget *budget
	bytes  []byte
	// most is the cap of this body, in bytes.
	most int64
	// taken is how many bytes of its budget the body uses.
	taken int64

	// place is the body's element in budget.reading. cut is true once the budget has ended the reading to make room.
	place *list.Element
	cut   bool
	conn  *http.ResponseController
}

// budget bounds the bytes of many bodies. When it is full, it cuts bodies that are still being read, the oldest first: a webhook arrives
// in one piece, so the oldest is the slowest.
type budget struct {
	mu      sync.Mutex
	free    int64
	reading list.List
}

// readVerified reads the body of a sender with a good token. It fails with one of the errors of this file.
func (b *bodies) readVerified(w http.ResponseWriter, r *http.Request) (*body, error) {
	return b.read(w, r, &b.verified, b.most, nil)
}

// readUnverified reads a body of at most `most` bytes before its signature is verified.
func (b *bodies) readUnverified(w http.ResponseWriter, r *http.Request, most int64) (*body, error) {
	began := b.now()
	read, err := b.read(w, r, &b.unverified, min(most, b.most), func(arrived int) time.Time {
		return began.Add(min(b.readTimeout, readGrace+time.Duration(arrived)*time.Second/minReadRate))
	})
	if errors.Is(err, errInFlight) {
		err = errNoRoom
	}
	return read, err
}

func (b *bodies) read(w http.ResponseWriter, r *http.Request, from *budget, most int64, deadline func(arrived int) time.Time) (*body, error) {
	if r.ContentLength > most {
		return nil, errTooLarge
	}
	buffer := b.buffer(from, most)
	buffer.conn = http.NewResponseController(w)
	from.begin(buffer)
	err := buffer.fill(r.Body, deadline)
	if from.end(buffer) {
		err = errInFlight
	}
	if err != nil {
		buffer.release()
		return nil, readError(err)
	}
	return buffer, nil
}

func readError(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errInFlight):
		return err
	case errors.As(err, &timeout) && timeout.Timeout():
		return errSlow
	default:
		return errCut
	}
}

// inflate returns a verified body decompressed, within the same bounds, or errTooLarge or errInFlight. It returns a body unchanged that is
// not gzip or can't be decompressed.
func (b *bodies) inflate(raw *body) (*body, error) {
	if !hook.IsGzip(raw.bytes) {
		return raw, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(raw.bytes))
	if err != nil {
		return raw, nil //nolint:nilerr // Peek reports that the body is unreadable
	}
	plain := b.buffer(&b.verified, b.most)
	err = plain.fill(reader, nil)
	if err == nil {
		return plain, nil
	}
	plain.release()
	if errors.Is(err, errTooLarge) || errors.Is(err, errInFlight) {
		return nil, err
	}
	return raw, nil
}

func (b *bodies) buffer(from *budget, most int64) *body {
	buffer, pooled := b.pool.Get().(*body)
	if !pooled {
		buffer = &body{pool: &b.pool, bytes: make([]byte, 0, bodyStart)}
	}
	buffer.budget, buffer.most, buffer.cut = from, most, false
	return buffer
}

// fill reads to the end. The deadline of each read depends on how many bytes have arrived; nil means no deadline.
func (b *body) fill(from io.Reader, deadline func(arrived int) time.Time) error {
	if err := b.budget.take(b, int64(cap(b.bytes))); err != nil {
		return err
	}
	for {
		if len(b.bytes) == cap(b.bytes) {
			// One byte over the cap shows that the body is too large.
			size := min(2*int64(cap(b.bytes)), b.most+1)
			if err := b.budget.take(b, size-int64(cap(b.bytes))); err != nil {
				return err
			}
			larger := make([]byte, len(b.bytes), size)
			copy(larger, b.bytes)
			b.bytes = larger
		}
		if deadline != nil {
			b.budget.setDeadline(b, deadline(len(b.bytes)))
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if int64(len(b.bytes)) > b.most {
			return errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// markVerified moves a body to the budget of verified bodies.
func (b *bodies) markVerified(read *body) error {
	n := read.taken
	if err := b.verified.take(nil, n); err != nil {
		return err
	}
	read.budget.give(n)
	read.budget = &b.verified
	return nil
}

func (b *body) release() {
	b.budget.give(b.taken)
	b.taken, b.conn = 0, nil
	if cap(b.bytes) > bodyPooled {
		return
	}
	// An API key must not stay in memory until the next request.
	clear(b.bytes)
	b.bytes = b.bytes[:0]
	b.pool.Put(b)
}

// begin adds a body to those that are being read.
func (g *budget) begin(b *body) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b.place = g.reading.PushBack(b)
}

// end removes a body from those that are being read, and reports whether it was cut.
func (g *budget) end(b *body) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !b.cut {
		g.reading.Remove(b.place)
		b.place = nil
	}
	return b.cut
}

// setDeadline sets the deadline of the next read.
func (g *budget) setDeadline(b *body, deadline time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !b.cut { // cut has set a deadline in the past, which must stay
		_ = b.conn.SetReadDeadline(deadline) // only a test's response recorder can't set one
	}
}

// take takes n bytes from the budget for b, which may be nil, or returns errInFlight. To make room it cuts bodies that are being read, the
// oldest first; b may be one of them, and is then the last.
func (g *budget) take(b *body, n int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.free < n && (b == nil || !b.cut) {
		oldest := g.reading.Front()
		if oldest == nil {
			return errInFlight
		}
		g.cut(oldest.Value.(*body)) //nolint:errcheck // the list holds nothing else
	}
	if b != nil {
		if b.cut {
			return errInFlight
		}
		b.taken += n
	}
	g.free -= n
	return nil
}

// cut ends the reading of a body and returns its bytes to the budget. Its memory is free a moment later.
func (g *budget) cut(b *body) {
	g.reading.Remove(b.place)
	g.free += b.taken
	b.place, b.taken, b.cut = nil, 0, true
	_ = b.conn.SetReadDeadline(time.Unix(1, 0)) // only a test's response recorder can't set one
}

// left returns how many bytes are free.
func (g *budget) left() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free
}

func (g *budget) give(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += n
}
