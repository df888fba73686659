package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load posts on kept connections, one request at a time on each, until enough is enough.
type load struct {
	address string
	// requests are made beforehand; each connection sends its own in turn.
	requests [][]request
	// until ends the load by the clock, count by number; only one of them is set.
	until time.Duration
	count int
}

const (
	// answerTimeout bounds one answer. Far above any figure here, so that a hang is an error and not a low rate.
	answerTimeout = 30 * time.Second
	// largestAnswer holds the status line and headers of any answer.
	largestAnswer = 4 << 10
)

// run returns an error where anything but 204 is answered: a rate of refusals is no rate.
func (l load) run(ctx context.Context, name string) (Sample, error) {
	clients := make([]*client, len(l.requests))
	defer func() {
		for _, c := range clients {
			if c != nil {
				// The figures are taken; how the connection ends changes none.
				_ = c.conn.Close()
			}
		}
	}()
	for i := range clients {
		c, err := dial(ctx, l.address)
		if err != nil {
			return Sample{}, err
		}
		clients[i] = c
	}
	began, usedBefore := now(), processorTime()
	more := l.limit(ctx, began)
	failures := make([]error, len(clients))
	var senders sync.WaitGroup
	for i, c := range clients {
		senders.Go(func() { failures[i] = c.postWhile(l.requests[i], more) })
	}
	senders.Wait()
	s := Sample{Name: name, Connections: len(clients), took: now().Sub(began), cpu: processorTime() - usedBefore}
	for _, c := range clients {
		s.Count += len(c.waits)
		s.all = append(s.all, c.waits...)
	}
	s.derive()
	if err := errors.Join(append(failures, ctx.Err())...); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// limit says whether another request is wanted.
func (l load) limit(ctx context.Context, began time.Time) func(at time.Time) bool {
	if l.count > 0 {
		var left atomic.Int64
		left.Store(int64(l.count))
		return func(time.Time) bool { return left.Add(-1) >= 0 && ctx.Err() == nil }
	}
	end := began.Add(l.until)
	return func(at time.Time) bool { return at.Before(end) && ctx.Err() == nil }
}

// client is one kept connection. It speaks just enough HTTP: what it costs is not the server's.
type client struct {
	conn   net.Conn
	answer [largestAnswer]byte
	waits  []time.Duration
}

func dial(ctx context.Context, address string) (*client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the server under test: %w", err)
	}
	return &client{conn: conn, waits: make([]time.Duration, 0, 1<<12)}, nil
}

func (c *client) postWhile(requests []request, more func(time.Time) bool) error {
	at := now()
	for more(at) {
		if err := c.post(requests[len(c.waits)%len(requests)]); err != nil {
			return err
		}
		answered := now()
		c.waits = append(c.waits, answered.Sub(at))
		at = answered
	}
	return nil
}

var (
	accepted  = []byte("HTTP/1.1 204")
	headerEnd = []byte("\r\n\r\n")
)

func (c *client) post(r request) error {
	r.renumber()
	// One deadline for many requests would do; it costs next to nothing.
	if err := c.conn.SetDeadline(now().Add(answerTimeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(r.bytes); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	// A 204 has no body: it ends with its headers.
	for n := 0; ; {
		read, err := c.conn.Read(c.answer[n:])
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		n += read
		answer := c.answer[:n]
		switch {
		case !bytes.HasPrefix(answer, accepted[:min(n, len(accepted))]):
			return fmt.Errorf("answered %q", firstLine(answer))
		case bytes.HasSuffix(answer, headerEnd):
			return nil
		case n == len(c.answer):
			return errors.New("the answer's headers do not end")
		}
	}
}

func firstLine(answer []byte) []byte {
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	return line
}

// request is an HTTP request whose event_id is given another number each time.
type request struct {
	bytes  []byte
	number []byte
	count  *atomic.Int64
}

// digits is the place of the number in an event_id.
const digits = "000000000000"

// newRequest makes a request of the path and a body that contains digits. Requests that share a count never repeat a number.
func newRequest(path string, body []byte, count *atomic.Int64) request {
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body))
	b = append(b, body...)
	at := bytes.Index(b, []byte(digits))
	return request{bytes: b, number: b[at : at+len(digits)], count: count}
}

func (r request) renumber() {
	var buffer [len(digits)]byte
	number := strconv.AppendInt(buffer[:0], r.count.Add(1), 10)
	copy(r.number[len(r.number)-len(number):], number)
}
