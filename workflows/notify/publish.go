package notify

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// publish publishes the attention in search attributes, and the Web UI's details.
func (r *run) publish() {
	r.Publish(entity.Published{
		Attention: lifecycle.Attention(r.state),
		DueAt:     lifecycle.DueAt(r.state),
		Details:   lifecycle.Details(r.state),
	})
}

// report counts and logs settled notices.
func (r *run) report(settled []lifecycle.Notice) {
	log := workflow.GetLogger(r.Ctx)
	for _, n := range settled {
		workflow.GetMetricsHandler(r.Ctx).WithTags(map[string]string{
			"kind": string(n.Kind), "result": strings.ToLower(string(n.Status)),
		}).Counter(workflows.MetricNotices).Inc(1)
		about := []any{"notice", n.ID, "kind", n.Kind, "target", n.To.String(), "attempts", n.Attempts}
		switch n.Status {
		case workflows.NoticeDelivered:
			log.Info("notice delivered", about...)
		case workflows.NoticeGivenUp:
			log.Warn("notice given up", append(about, "error", n.LastError)...)
		case workflows.NoticeDismissed:
			log.Info("notice dismissed", about...)
		case workflows.NoticeWaiting:
		}
	}
}
