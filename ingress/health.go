package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/singleflight"
)

var (
	// ErrInboxAway says that the inbox does not answer.
	ErrInboxAway = errors.New("the inbox does not answer")
	// ErrNotStored says that the inbox answers, but failed to store the last webhook a few seconds ago.
	ErrNotStored = errors.New("the inbox does not store webhooks")
)

type health struct {
	inbox Inbox
	now   func() time.Time
	ready func(context.Context) bool
	// probes shares one check of the inbox among its callers.
	probes singleflight.Group
	// failedAt is when the inbox last failed to store, in Unix nanoseconds. A success sets it to zero.
	failedAt atomic.Int64
	// draining is true once a stop has begun.
	draining atomic.Bool
}

const (
	// readyTimeout bounds an answer of /readyz; probeTimeout bounds a check of the inbox, for which CheckInbox may wait longer.
	readyTimeout, probeTimeout = time.Second, 3 * time.Second
	// unreadyFor is how long a failed write keeps the server unready. It ends by itself, because only a new request can show that the inbox
	// has recovered.
	unreadyFor = 5 * time.Second
)

// recordWrite records whether a webhook was stored.
func (h *health) recordWrite(err error) {
	switch {
	case err != nil:
		h.failedAt.Store(h.now().UnixNano())
	case h.failedAt.Load() != 0:
		h.failedAt.Store(0)
	}
}

// CheckInbox returns ErrInboxAway or ErrNotStored while webhooks can't be stored.
func (s *Server) CheckInbox(ctx context.Context) error { return s.health.check(ctx) }

func (h *health) check(ctx context.Context) error {
	if err := h.probe(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrInboxAway, err)
	}
	at := h.failedAt.Load()
	if ago := h.now().Sub(time.Unix(0, at)); at != 0 && ago >= 0 && ago < unreadyFor { // below 0 the clock was set back
		return ErrNotStored
	}
	return nil
}

// probe checks the inbox, or waits for the check under way. In SQLite a check waits in the queue of the writes, and everyone can ask for
// /readyz: with a check for each request, a flood would fill the queue.
func (h *health) probe(ctx context.Context) error {
	checked := h.probes.DoChan("", func() (any, error) {
		// Others wait for it, so it goes on when the first caller leaves.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		return nil, h.inbox.Check(within)
	})
	select {
	case result := <-checked:
		return result.Err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *health) alive(c echo.Context) error { return c.String(http.StatusOK, "alive\n") }

// answerReady answers 200 while webhooks are accepted, otherwise 503. It gives no reason, since this listener is public.
func (h *health) answerReady(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	if h.draining.Load() || !h.ready(ctx) {
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
