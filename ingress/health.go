package ingress

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Check is a condition that /readyz shows.
type Check struct {
	Name string
	// Required takes the server out of service while the check fails. Leave it false for everything behind the inbox: a provider
	// that does not retry must be able to post while Temporal is away.
	Required bool
	Check    func(context.Context) error
}

type health struct {
	inbox  inbox.Store
	now    func() time.Time
	checks []Check
	// failedAt is when the inbox last failed to store, in Unix nanoseconds; zero since it last succeeded.
	failedAt atomic.Int64
}

const (
	checkTimeout = time.Second
	// unreadyFor is how long a failed write keeps the server unready: only a new request can show that the
	// inbox has recovered.
	unreadyFor = 5 * time.Second
)

func (h *health) stored(err error) {
	switch {
	case err != nil:
		h.failedAt.Store(h.now().UnixNano())
	case h.failedAt.Load() != 0:
		h.failedAt.Store(0)
	}
}

func (h *health) alive(c echo.Context) error { return c.String(http.StatusOK, "alive\n") }

// ready answers 200 if webhooks would be accepted and 503 if not, with the result of each check.
func (h *health) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), checkTimeout)
	defer cancel()
	ready := true
	says := map[string]string{"inbox": "ok"}
	if err := h.inbox.Check(ctx); err != nil {
		ready, says["inbox"] = false, "it does not answer"
	} else if at := h.failedAt.Load(); at != 0 && h.now().Sub(time.Unix(0, at)) < unreadyFor {
		ready, says["inbox"] = false, "it does not store"
	}
	for _, check := range h.checks {
		says[check.Name] = "ok"
		if err := check.Check(ctx); err != nil {
			says[check.Name] = err.Error()
			ready = ready && !check.Required
		}
	}
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	return c.JSON(status, map[string]any{"ready": ready, "checks": says})
}
