package ingress

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// accept stores a verified body. It answers 204 when the body is on disk, or 503 when that takes longer than the budget:
// Config.OffloadBudget or Config.ArtmailBudget, 8 and 4 seconds by default: see config.go.
func (s *Server) accept(c echo.Context, from webhook, raw *body, budget time.Duration) error {
	plain, err := s.bodies.inflate(raw)
	if err != nil {
		return s.refuseBody(c, from.provider, err)
	}
	if plain != raw {
		defer plain.release()
	}
	from.encoding = contentEncoding(c.Request())
	d, err := from.delivery(s.keys, plain.bytes, s.now())
	if err != nil {
		return s.refuse(from.provider, http.StatusServiceUnavailable, outcomeUnavailable, err)
	}
	d.TraceParent = s.traceParent(c)
	// Store the event even if the sender has closed the connection: Offload posts each event only once.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), budget)
	defer cancel()
	receipts, err := s.store(ctx, d)
	if !errors.Is(err, inbox.ErrLocked) { // that concerns one delivery, and others can be stored
		s.health.recordWrite(err)
	}
	switch {
	case errors.Is(err, inbox.ErrBusy):
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeBusy, err)
	case err != nil:
		return s.refuse(d.Provider, http.StatusServiceUnavailable, outcomeUnavailable, err)
	}
	what := outcomeOf(d.State, receipts[0].Outcome)
	s.metrics.countWebhook(d.Provider, what)
	s.describe(c, d, receipts[0].ID, what)
	if what == outcomeDead || what == outcomeConflict {
		s.logger.Warn("webhook stored, a person should check it",
			zap.String("provider", d.Provider), zap.String("outcome", string(what)), zap.String("delivery", receipts[0].ID), zap.String("reason", d.Reason))
	}
	return c.NoContent(http.StatusNoContent)
}

// store commits a delivery and measures the time.
func (s *Server) store(ctx context.Context, d inbox.Delivery) ([]inbox.Receipt, error) {
	s.metrics.beginCommit()
	began := s.now()
	receipts, err := s.inbox.Append(ctx, []inbox.Delivery{d})
	s.metrics.endCommit(s.now().Sub(began))
	return receipts, err
}
