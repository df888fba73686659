package ingress

import (
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// WithoutMetrics makes a server count nothing.
func WithoutMetrics(s *Server) { s.metrics = nil }

// CountAccepted updates the metrics as an accepted webhook does.
func CountAccepted(s *Server) {
	s.metrics.beginCommit()
	s.metrics.endCommit(time.Millisecond)
	s.metrics.countWebhook(offload.Name, outcomeNew)
	s.metrics.countRequest(workflows.OffloadWebhookRoute, http.StatusNoContent, time.Millisecond)
}
