package entity

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CountEvent counts a processed event. For an applied event it also records the time since the ingress stored it. During a replay,
// workflow.GetMetricsHandler records nothing, so each event counts once.
func (r *Run) CountEvent(result workflows.EventResult, receivedAt time.Time) {
	metrics := workflow.GetMetricsHandler(r.Ctx)
	metrics.WithTags(map[string]string{"result": string(result)}).Counter(workflows.MetricEvents).Inc(1)
	if result == workflows.EventApplied && !receivedAt.IsZero() {
		// The ingress and Temporal have different clocks.
		metrics.Timer(workflows.MetricApplied).Record(max(0, r.Now().Sub(receivedAt)))
	}
}
