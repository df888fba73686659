package ingress

import (
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// postOffload answers a case's capability URL. It does not check whether the case exists, so it can't reveal that.
func (s *Server) postOffload(c echo.Context) error {
	reference := param(c, "reference")
	err := s.keys.VerifyToken(param(c, "token"), workflows.OffloadTokenContext(reference)...)
	verified := err == nil && workflows.ValidateReference(reference) == nil
	return s.acceptUnsigned(c, verified, newWebhook(offload.Provider, "", func(hook.Envelope) string { return offload.Lane(reference) }))
}

// postOffloadShared answers the shared route, for cases that can't have their own URL.
func (s *Server) postOffloadShared(c echo.Context) error {
	verified := offload.Provider.Verify(nil, []string{param(c, "secret")}, s.shared) == nil
	from := newWebhook(offload.Provider, "", func(e hook.Envelope) string { return offload.SharedLane(e.EntityID) })
	from.peek = offload.PeekShared
	return s.acceptUnsigned(c, verified, from)
}

// acceptUnsigned accepts a webhook whose path verifies it. It does not read the body of an unverified one.
func (s *Server) acceptUnsigned(c echo.Context, verified bool, from webhook) error {
	if !verified {
		s.skipBody(c)
		return s.refuseUnverified(c, offload.Name, outcomeBadToken, errToken)
	}
	s.markVerified(c)
	b, err := s.bodies.readVerified(c.Response(), c.Request())
	if err != nil {
		return s.refuseBody(c, offload.Name, err)
	}
	defer b.release()
	return s.accept(c, from, b, s.config.OffloadBudget)
}
