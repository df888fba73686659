package ingress

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

var (
	errTooLarge       = errors.New("body is larger than the limit")
	errInFlight       = errors.New("too many bytes in flight")
	errSourceInFlight = errors.New("too many bytes in flight from one source")
)

// bodies reads request bodies into memory within three bounds: on each body, on all of one source, and on all together. A body
// counts with the bytes that have arrived, not with its Content-Length, so that slow senders hold little.
type bodies struct {
	most, share int64
	free        atomic.Int64
	pool        sync.Pool

	mu sync.Mutex
	// held is what each source has in flight; it has no entry for nothing.
	held map[source]int64
}

// bodyStart holds most webhooks in one piece; bodyPooled is the largest buffer that is kept for the next request.
const (
	bodyStart  = 4 << 10
	bodyPooled = 64 << 10
)

func newBodies(most, share, budget int64) *bodies {
	b := &bodies{most: most, share: share, held: map[source]int64{}}
	b.free.Store(budget)
	return b
}

// body is one request's; release it when nothing refers to its bytes any more.
type body struct {
	from   *bodies
	source source
	bytes  []byte
	taken  int64
}

// read returns errTooLarge, errInFlight, errSourceInFlight, or what reading the connection failed with.
func (b *bodies) read(r *http.Request, from source) (*body, error) {
	if r.ContentLength > b.most {
		return nil, errTooLarge
	}
	return b.readAll(r.Body, from)
}

// inflate returns a body without its gzip, within the same bounds, or fails with the errors of read. A body without gzip, or that does
// not inflate, is returned as it is.
func (b *bodies) inflate(raw *body) (*body, error) {
	if !hook.IsGzip(raw.bytes) {
		return raw, nil
	}
	var plain *body
	reader, err := gzip.NewReader(bytes.NewReader(raw.bytes))
	if err == nil {
		plain, err = b.readAll(reader, raw.source)
	}
	switch {
	case err == nil:
		return plain, nil
	case errors.Is(err, errTooLarge), errors.Is(err, errInFlight), errors.Is(err, errSourceInFlight):
		return nil, err
	}
	return raw, nil
}

func (b *bodies) readAll(r io.Reader, from source) (*body, error) {
	buffer, pooled := b.pool.Get().(*body)
	if !pooled {
		buffer = &body{from: b, bytes: make([]byte, 0, bodyStart)}
	}
	buffer.source = from
	if err := buffer.fill(r); err != nil {
		buffer.release()
		return nil, err
	}
	return buffer, nil
}

func (b *body) fill(from io.Reader) error {
	if err := b.take(int64(cap(b.bytes))); err != nil {
		return err
	}
	for {
		if len(b.bytes) == cap(b.bytes) {
			// One byte over the cap is enough to know.
			size := min(2*int64(cap(b.bytes)), b.from.most+1)
			if err := b.take(size - int64(cap(b.bytes))); err != nil {
				return err
			}
			larger := make([]byte, len(b.bytes), size)
			copy(larger, b.bytes)
			b.bytes = larger
		}
		n, err := from.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if int64(len(b.bytes)) > b.from.most {
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

func (b *body) take(n int64) error {
	if b.from.free.Add(-n) < 0 {
		b.from.free.Add(n)
		return errInFlight
	}
	if !b.from.charge(b.source, n) {
		b.from.free.Add(n)
		return errSourceInFlight
	}
	b.taken += n
	return nil
}

func (b *body) release() {
	b.from.free.Add(b.taken)
	b.from.charge(b.source, -b.taken)
	b.taken = 0
	if cap(b.bytes) > bodyPooled {
		return
	}
	// An API key must not wait in memory for the next request.
	clear(b.bytes)
	b.bytes = b.bytes[:0]
	b.from.pool.Put(b)
}

// charge adds to what a source has in flight, unless that would exceed its share.
func (b *bodies) charge(from source, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.held[from] + n
	switch {
	case n > 0 && held > b.share:
		return false
	case held == 0:
		delete(b.held, from)
	default:
		b.held[from] = held
	}
	return true
}
