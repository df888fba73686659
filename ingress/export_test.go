package ingress

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Handler returns the HTTP handler that Serve uses.
func (s *Server) Handler() http.Handler { return s.echo }

// TraceAccepted makes and ends the span of an accepted webhook.
func TraceAccepted(s *Server, c echo.Context, d inbox.Delivery) {
	s.beginTrace(c, d.ReceivedAt)
	s.markVerified(c)
	d.TraceParent = s.traceParent(c)
	s.describe(c, d, d.ID, outcomeNew)
	s.endTrace(c, http.StatusNoContent, nil)
}

// CountAccepted updates the metrics as an accepted webhook does.
func CountAccepted(s *Server) {
	s.metrics.beginCommit()
	s.metrics.endCommit(time.Millisecond)
	s.metrics.countWebhook(offload.Name, outcomeNew)
	s.metrics.countRequest(workflows.OffloadWebhookRoute, http.StatusNoContent, time.Millisecond)
}
