package ingress

import (
	"net/http"

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

// unsigned takes a webhook that only its path proves. The body is read before a bad path is refused, so that a body over the limit
// gets the same answer for good and bad paths; a source that has sent too many bad paths gets 429 before its body is read.
func (s *Server) unsigned(c echo.Context, fits bool, lane func(hook.Envelope) string) error {
	from := sourceOf(c)
	if !fits && s.badTokens.over(from) {
		return s.refuse(offload.Name, http.StatusTooManyRequests, outcomeRateLimited, errToken)
	}
	b, err := s.read(c, offload.Name, from)
	if err != nil {
		return err
	}
	defer b.release()
	if !fits {
		s.badTokens.refused(from)
		return s.refuse(offload.Name, http.StatusUnauthorized, outcomeRefused, errToken)
	}
	return s.accept(c, newWebhook(offload.Provider, "", lane), b, s.config.OffloadBudget)
}
