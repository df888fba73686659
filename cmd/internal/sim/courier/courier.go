// Package courier sends the webhooks of a simulated provider, with planned faults. It handles HTTP, order and faults; the simulator decides the
// content, the signature and the retries.
package courier

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options configure a Courier. All but Events are required.
type Options struct {
	// Events are the kinds of event for which a fault can be planned; nil: any.
	Events []string
	// Transport makes the connections; tests may answer in memory.
	Transport http.RoundTripper
	// Timeout bounds one attempt, from the connection to the end of the answer.
	Timeout time.Duration
	// MaxDelay bounds how long a delayed message is late.
	MaxDelay time.Duration
	// MaxHold bounds how long a reordered message waits until another one overtakes it.
	MaxHold time.Duration
	Now     func() time.Time
	Dice    *Dice
}

// Message is one webhook.
type Message struct {
	// ID names the message in the log of attempts; empty if the provider has none.
	ID string
	// Event is the kind of event, e.g. "case.completed".
	Event string
	// Key is the ID of the case or activation. Messages with the same key are sent in order, unless a fault changes it.
	Key    string
	URL    string
	Header http.Header
	Body   []byte
}

// Courier sends messages until it is closed. Its methods are safe for concurrent use.
type Courier struct {
	// Faults plans the faults of webhooks.
	Faults *Faults

	opts   Options
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	closed   bool
	running  sync.WaitGroup
	tails    map[string]chan struct{} // per key: closed when its last message has been sent
	held     []chan struct{}          // reordered messages that wait for another one to pass
	attempts []Attempt
}

// New returns a Courier without faults; plan them with Faults.
func New(opts Options) *Courier {
	ctx, cancel := context.WithCancel(context.Background())
	return &Courier{
		Faults: NewFaults(opts.Dice, opts.Events...),
		opts:   opts,
		client: &http.Client{
			Transport: opts.Transport,
			Timeout:   opts.Timeout,
			// Neither provider documents that it follows redirects.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ctx:    ctx,
		cancel: cancel,
		tails:  map[string]chan struct{}{},
	}
}

// Close ends messages under way, drops waiting ones, and returns when nothing runs any more.
func (c *Courier) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	c.client.CloseIdleConnections()
}

// Closed is closed when Close begins.
func (c *Courier) Closed() <-chan struct{} { return c.ctx.Done() }

// Go runs f in the background until Close. It does nothing once the courier is closed.
func (c *Courier) Go(f func(ctx context.Context)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Go(func() { f(c.ctx) })
	}
}

// Wait sleeps for d. It returns false if the courier was closed meanwhile.
func (c *Courier) Wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Send sends a message in the background, after the earlier ones with its key. It calls then, which may be nil, with the result of the first
// attempt, before the next message with the key is sent.
func (c *Courier) Send(m Message, then func(ctx context.Context, first Attempt)) {
	fault := c.Faults.Next(m.Key, m.Event)
	carry := func(ctx context.Context) {
		first := c.post(ctx, m, fault)
		if fault == Repeat {
			c.post(ctx, m, Repeat)
		}
		if then != nil && ctx.Err() == nil {
			then(ctx, first)
		}
	}
	switch fault {
	case Delay:
		c.Go(func(ctx context.Context) {
			if c.Wait(c.opts.Dice.Duration(c.opts.MaxDelay)) {
				carry(ctx)
			}
		})
	case Reorder:
		overtaken := make(chan struct{})
		c.mu.Lock()
		c.held = append(c.held, overtaken)
		c.mu.Unlock()
		c.Go(func(ctx context.Context) {
			timer := time.NewTimer(c.opts.MaxHold)
			defer timer.Stop()
			select {
			case <-ctx.Done():
				return
			case <-overtaken:
			case <-timer.C:
			}
			carry(ctx)
		})
	case None, Drop, Repeat, Corrupt, LoseAnswer:
		c.inOrder(m.Key, carry)
	}
}

// Post makes one attempt now, with the next planned fault.
func (c *Courier) Post(ctx context.Context, m Message) Attempt {
	return c.post(ctx, m, c.Faults.Next(m.Key, m.Event))
}

// Attempts lists the attempts for a key, or for all keys if key is empty, the oldest first.
func (c *Courier) Attempts(key string) []Attempt {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key == "" {
		return slices.Clone(c.attempts)
	}
	var of []Attempt
	for _, a := range c.attempts {
		if a.Key == key {
			of = append(of, a)
		}
	}
	return of
}

// inOrder runs f after the earlier messages with the key.
func (c *Courier) inOrder(key string, f func(ctx context.Context)) {
	done := make(chan struct{})
	c.mu.Lock()
	before := c.tails[key]
	c.tails[key] = done
	c.mu.Unlock()
	c.Go(func(ctx context.Context) {
		if before != nil {
			select {
			case <-ctx.Done():
				return
			case <-before:
			}
		}
		f(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		close(done)
		if c.tails[key] == done {
			delete(c.tails, key)
		}
		for _, overtaken := range c.held {
			close(overtaken)
		}
		c.held = nil
	})
}
