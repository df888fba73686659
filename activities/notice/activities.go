package notice

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Activities are the activities for notices.
type Activities struct {
	// Temporal is the client of the namespace in which sources and targets run.
	Temporal client.Client
}

// Register registers the activities by the contract's names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.HandOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
	registry.RegisterActivityWithOptions(a.Signal, activity.RegisterOptions{Name: workflows.ActivityNoticeSignal})
}
