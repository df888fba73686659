package ingress

import (
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// postOffload answers a case's capability URL. It neither checks nor reveals whether a workflow with the reference exists.
func (s *Server) postOffload(c echo.Context) error {
	reference := param(c, "reference")
	err := s.keys.VerifyToken(param(c, "token"), workflows.OffloadTokenContext(reference)...)
	fits := err == nil && workflows.ValidateReference(reference) == nil
	return s.unsigned(c, fits, func(hook.Envelope) string { return offload.Lane(reference) })
}

// postOffloadShared answers the shared route, for cases that can't have their own URL.
func (s *Server) postOffloadShared(c echo.Context) error {
	fits := offload.Provider.Verify(nil, []string{param(c, "secret")}, s.shared) == nil
	return s.unsigned(c, fits, func(e hook.Envelope) string { return offload.SharedLane(e.EntityID) })
}

// unsigned takes a webhook that only its path proves. Where it does not, no body is read.
func (s *Server) unsigned(c echo.Context, fits bool, lane func(hook.Envelope) string) error {
	if !fits {
		s.leaveBody(c)
		return s.unproven(c, offload.Name, outcomeBadToken, errToken)
	}
	s.verified(c)
	b, err := s.bodies.readVerified(c.Response(), c.Request())
	if err != nil {
		return s.unread(c, offload.Name, err)
	}
	defer b.release()
	return s.accept(c, newWebhook(offload.Provider, "", lane), b, s.config.OffloadBudget)
}
