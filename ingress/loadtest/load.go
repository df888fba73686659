// Package loadtest posts webhooks as fast as an ingress answers them. It is lean (kept connections, requests made beforehand), since it shares
// the processors with the ingress that is measured.
package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Quantile of a list that is sorted, in milliseconds; 0 of an empty one.
func Quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(float64(len(sorted))*q), len(sorted)-1)]) / float64(time.Millisecond)
}

// Load posts on kept connections, one request at a time on each.
type Load struct {
	// Address is the server's host and port.
	Address string
	// Requests has one for each connection.
	Requests []Request
	// Until ends the load by the clock, Count by number; only one of them is set.
	Until time.Duration
	Count int
}

// Result is what a load met.
type Result struct {
	Connections, Count int
	// Took is from the first request to the last answer, CPU the processor time of this whole process meanwhile.
	Took, CPU time.Duration
	// Waits has the time of each answer, shortest first.
	Waits []time.Duration
}

const (
	// answerTimeout bounds one answer. Far above any figure here, so that a hang is an error and not a low rate.
	answerTimeout = 30 * time.Second
	// largestAnswer holds the status line and headers of any answer.
	largestAnswer = 4 << 10
)

// Run returns an error where anything but 204 is answered: a rate of refusals is no rate.
func (l Load) Run(ctx context.Context) (Result, error) {
	clients := make([]*Client, len(l.Requests))
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.Close() // the figures are taken
			}
		}
	}()
	for i := range clients {
		c, err := Dial(ctx, l.Address)
		if err != nil {
			return Result{}, err
		}
		clients[i] = c
	}
	began, usedBefore := now(), ProcessorTime()
	more := l.limit(ctx, began)
	waits, failures := make([][]time.Duration, len(clients)), make([]error, len(clients))
	var senders sync.WaitGroup
	for i, c := range clients {
		senders.Go(func() { waits[i], failures[i] = c.postWhile(l.Requests[i], more) })
	}
	senders.Wait()
	r := Result{Connections: len(clients), Took: now().Sub(began), CPU: ProcessorTime() - usedBefore, Waits: slices.Concat(waits...)}
	r.Count = len(r.Waits)
	slices.Sort(r.Waits)
	return r, errors.Join(append(failures, ctx.Err())...)
}

// limit says whether another request is wanted.
func (l Load) limit(ctx context.Context, began time.Time) func(at time.Time) bool {
	if l.Count > 0 {
		var left atomic.Int64
		left.Store(int64(l.Count))
		return func(time.Time) bool { return left.Add(-1) >= 0 && ctx.Err() == nil }
	}
	end := began.Add(l.Until)
	return func(at time.Time) bool { return at.Before(end) && ctx.Err() == nil }
}

// Client is one kept connection. It speaks just enough HTTP: what it costs is not the server's.
type Client struct {
	net.Conn
	answer [largestAnswer]byte
}

// Dial connects to a server's host and port.
func Dial(ctx context.Context, address string) (*Client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the server under test: %w", err)
	}
	return &Client{Conn: conn}, nil
}

func (c *Client) postWhile(r Request, more func(time.Time) bool) ([]time.Duration, error) {
	waits := make([]time.Duration, 0, 1<<12)
	at := now()
	for more(at) {
		if err := c.Post(r); err != nil {
			return waits, err
		}
		answered := now()
		waits = append(waits, answered.Sub(at))
		at = answered
	}
	return waits, nil
}

var (
	accepted  = []byte("HTTP/1.1 204")
	headerEnd = []byte("\r\n\r\n")
)

// Post sends the request with its next number and expects 204.
func (c *Client) Post(r Request) error {
	r.renumber()
	// One deadline for many requests would do; it costs next to nothing.
	if err := c.SetDeadline(now().Add(answerTimeout)); err != nil {
		return err
	}
	if _, err := c.Write(r.bytes); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	// A 204 has no body: it ends with its headers.
	for n := 0; ; {
		read, err := c.Read(c.answer[n:])
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		n += read
		answer := c.answer[:n]
		switch {
		case !bytes.HasPrefix(answer, accepted[:min(n, len(accepted))]):
			line, _, _ := bytes.Cut(answer, []byte("\r\n"))
			return fmt.Errorf("answered %q", line)
		case bytes.HasSuffix(answer, headerEnd):
			return nil
		case n == len(c.answer):
			return errors.New("the answer's headers do not end")
		}
	}
}

// Stall opens connections to an agent that does not exist: each announces 1 MiB, sends half of it, or as much as the server takes, and stalls
// until end closes it.
func Stall(ctx context.Context, address string, count int) (end func(), err error) {
	const sendingTime = 5 * time.Second
	half := fmt.Appendf(nil, "POST /webhooks/artmail/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Artmail-Signature: %064d\r\nContent-Length: %d\r\n\r\n%s",
		0, 1<<20, bytes.Repeat([]byte(" "), 512<<10))
	var clients []*Client
	var sending sync.WaitGroup
	defer sending.Wait()
	end = func() {
		for _, c := range clients {
			_ = c.Close() // the server may have cut it
		}
	}
	for range count {
		c, err := Dial(ctx, address)
		if err == nil {
			clients = append(clients, c)
			err = c.SetWriteDeadline(now().Add(sendingTime))
		}
		if err != nil {
			end()
			return nil, fmt.Errorf("open %d stalled connections: %w", count, err)
		}
		sending.Go(func() { _, _ = c.Write(half) }) // the server may cut it
	}
	return end, nil
}

// now is the clock of the measurements.
func now() time.Time { return time.Now() } //nolint:forbidigo // what is measured here is real time
