package ingress

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"
)

// outcome is the result of a request, as metrics count it.
type outcome string

const (
	outcomeNew          outcome = "new"
	outcomeDuplicate    outcome = "duplicate"
	outcomeConflict     outcome = "conflict"
	outcomeIgnored      outcome = "ignored"
	outcomeDead         outcome = "dead"
	outcomeBadToken     outcome = "bad_token"
	outcomeBadSignature outcome = "bad_signature"
	outcomeRateLimited  outcome = "rate_limited"
	outcomeTooLarge     outcome = "too_large"
	outcomeCut          outcome = "cut"
	outcomeBusy         outcome = "busy"
	outcomeUnavailable  outcome = "unavailable"
)

// outcomes lists every outcome. The metrics show each of them from the start, with the value zero.
var outcomes = []outcome{
	outcomeNew, outcomeDuplicate, outcomeConflict, outcomeIgnored, outcomeDead, outcomeBadToken, outcomeBadSignature, outcomeRateLimited,
	outcomeTooLarge, outcomeCut, outcomeBusy, outcomeUnavailable,
}

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
