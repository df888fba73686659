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
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// errToken and the like are causes for the log; the answer is the same 401.
var errToken = errors.New("token does not fit")

// read reads the body or says why it can't be read.
func (s *Server) read(c echo.Context, provider string, from source) (*body, error) {
	b, err := s.bodies.read(c.Request(), from)
	var timeout net.Error
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, errTooLarge):
		return nil, s.refuse(provider, http.StatusRequestEntityTooLarge, outcomeTooLarge, err)
	case errors.Is(err, errInFlight), errors.Is(err, errSourceInFlight):
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

// accept stores a verified delivery and answers 204 when it is on disk.
func (s *Server) accept(c echo.Context, d inbox.Delivery, plain []byte, bodyContext func(lane, id string) []string) error {
	d.ReceivedAt = s.now()
	d, err := sealed(s.keys, d, plain, bodyContext)
	if err != nil {
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

// sealed gives a delivery its ID, its fingerprint, and its body sealed for this ID and lane alone.
func sealed(keys *keyring.Ring, d inbox.Delivery, plain []byte, bodyContext func(lane, id string) []string) (inbox.Delivery, error) {
	d.ID = inbox.NewID(d.ReceivedAt)
	d.Fingerprint = keys.Fingerprint(plain, d.Provider, d.Scope, d.Lane)
	var err error
	d.Body, err = keys.Seal(plain, bodyContext(d.Lane, d.ID)...)
	return d, err
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
