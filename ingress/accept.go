package ingress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// errToken and the like are causes for the log; the answer is the same 401.
var errToken = errors.New("token does not fit")

// read reads the body or says why it can't be read.
func (s *Server) read(c echo.Context, provider string) (*body, error) {
	b, err := s.bodies.read(c.Request())
	var timeout net.Error
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, errTooLarge):
		return nil, s.refuse(provider, http.StatusRequestEntityTooLarge, outcomeTooLarge, err)
	case errors.Is(err, errInFlight):
		return nil, s.refuse(provider, http.StatusServiceUnavailable, outcomeBusy, err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, s.refuse(provider, http.StatusRequestTimeout, outcomeCut, err)
	default:
		return nil, s.refuse(provider, http.StatusBadRequest, outcomeCut, err)
	}
}

func (s *Server) refuse(provider string, status int, what outcome, cause error) error {
	s.metrics.webhooks.WithLabelValues(provider, string(what)).Inc()
	return &refusal{status: status, outcome: what, cause: cause}
}

// accept stores a verified delivery and answers 204 when it is on disk. The body is sealed for this delivery and lane alone.
func (s *Server) accept(c echo.Context, d inbox.Delivery, plain []byte, sealContext func(lane, id string) []string) error {
	id, err := inbox.NewID()
	if err != nil {
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeUnavailable, err)
	}
	d.ID = id
	d.ReceivedAt = s.now()
	d.Fingerprint = s.keys.Fingerprint(plain, d.Provider, d.Scope, d.Lane)
	if d.Body, err = s.keys.Seal(plain, sealContext(d.Lane, id)...); err != nil {
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeUnavailable, err)
	}
	// A sender that hangs up has still told us: Offload posts each event only once.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), s.config.StoreBudget)
	defer cancel()
	receipts, err := s.inbox.Append(ctx, []inbox.Delivery{d})
	s.health.stored(err)
	switch {
	case errors.Is(err, inbox.ErrBusy):
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeBusy, err)
	case err != nil:
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeUnavailable, err)
	}
	what := outcomeOf(d.State, receipts[0].Outcome)
	s.metrics.webhooks.WithLabelValues(d.Provider, string(what)).Inc()
	if what == outcomeDead || what == outcomeConflict {
		s.logger.Warn("webhook needs a look",
			zap.String("provider", d.Provider), zap.String("outcome", string(what)), zap.String("delivery", receipts[0].ID), zap.String("reason", d.Reason))
	}
	return c.NoContent(http.StatusNoContent)
}

func outcomeOf(state inbox.State, stored inbox.Outcome) outcome {
	switch {
	case stored == inbox.OutcomeDuplicate:
		return outcomeDuplicate
	case state == inbox.StateDead:
		return outcomeDead
	case state == inbox.StateIgnored:
		return outcomeIgnored
	case stored == inbox.OutcomeConflict:
		return outcomeConflict
	default:
		return outcomeNew
	}
}

// param is a path parameter as the sender meant it: a proxy may have percent-encoded what needed no encoding.
func param(c echo.Context, name string) string {
	raw := c.Param(name)
	if !strings.Contains(raw, "%") {
		return raw
	}
	plain, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return plain
}
