package ingress

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// errToken is a cause for the log; the sender gets the same 401 for every cause.
var errToken = errors.New("token is not the one of this URL")

// refuseBody refuses a body that was not read to its end.
func (s *Server) refuseBody(c echo.Context, provider string, err error) error {
	s.skipBody(c)
	switch {
	case errors.Is(err, errTooLarge):
		return s.refuse(provider, http.StatusRequestEntityTooLarge, outcomeTooLarge, err)
	case errors.Is(err, errInFlight), errors.Is(err, errNoRoom):
		c.Response().Header().Set("Connection", "close")
		what := outcomeBusy
		if errors.Is(err, errNoRoom) {
			what = outcomeNoRoom
		}
		return s.refuse(provider, http.StatusServiceUnavailable, what, err)
	case errors.Is(err, errSlow):
		return s.refuse(provider, http.StatusRequestTimeout, outcomeCut, err)
	default:
		return s.refuse(provider, http.StatusBadRequest, outcomeCut, err)
	}
}

// skipBody gives the rest of an unread body one second. After the answer, the server reads up to 256 KiB of it and then closes the
// connection: if it closed at once, the sender would see a reset connection instead of the answer.
func (s *Server) skipBody(c echo.Context) {
	const rest = time.Second
	// The error is ignored: only a test's response recorder can't set a deadline.
	_ = http.NewResponseController(c.Response()).SetReadDeadline(s.now().Add(rest))
}

// refuseUnverified refuses a bad token or signature: 401, or 429 after too many from one source. The answer is the same for every cause.
func (s *Server) refuseUnverified(c echo.Context, provider string, what outcome, err error) error {
	if !s.badTokenLimiter.Allow(s.sourceOf(c.Request())) {
		return s.refuse(provider, http.StatusTooManyRequests, outcomeRateLimited, err)
	}
	return s.refuse(provider, http.StatusUnauthorized, what, err)
}

func (s *Server) refuse(provider string, status int, what outcome, cause error) error {
	s.metrics.countWebhook(provider, what)
	return &refusal{status: status, outcome: what, cause: cause}
}

// refusal is an error with its HTTP status. The cause is only for the log: senders see the same answer for every refusal of one status.
type refusal struct {
	status  int
	outcome outcome
	cause   error
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %v", r.outcome, r.cause) }

func (r *refusal) Unwrap() error { return r.cause }

// retryAfter is in seconds. The inbox recovers from a burst within one second; a full disk needs a person.
const retryAfter = "5"

// answerError is echo's error handler. It is the only place that turns an error into a status.
func answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	var r *refusal
	var h *echo.HTTPError
	switch {
	case errors.As(err, &r):
		status = r.status
	case errors.As(err, &h):
		status = h.Code
	}
	header := c.Response().Header()
	switch status {
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", retryAfter)
	case http.StatusTooManyRequests:
		header.Set("Retry-After", retryAfter)
		header.Set("Connection", "close")
	case http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusRequestTimeout, http.StatusBadRequest:
		// The body may not be read to its end, so the connection can't carry another request.
		header.Set("Connection", "close")
	}
	header.Set(echo.HeaderContentType, "application/problem+json")
	header.Set("Cache-Control", "no-store")
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return
	}
	// An error means that the sender has closed the connection.
	_, _ = fmt.Fprintf(c.Response(), `{"type":"about:blank","title":%q,"status":%d}`+"\n", http.StatusText(status), status)
}
