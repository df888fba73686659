package torture

import (
	"context"
	"fmt"
	"hash/fnv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// The simulated business apps are workflows that receive notices. Their worker runs in this process, which is never killed.
const (
	appWorkflow          = "torture-app"
	appQueue             = "torture-apps"
	appQuery             = "heard"
	signalCaseNotice     = "case-notices"
	signalApprovalNotice = "approval-notices"

	// apps is how many apps share the notices, so that no history grows large.
	apps = 4
)

// heard holds the notices that an app received. A notice may arrive twice, but two different notices must not report the same
// outcome.
type heard struct {
	// Outcomes holds the statuses by reference, Approvals by message ID: one status for each notice ID.
	Outcomes  map[string][]string `json:"outcomes"`
	Approvals map[string][]string `json:"approvals"`
	Repeats   int                 `json:"repeats"`

	seen map[string]bool
}

func newHeard() heard {
	return heard{Outcomes: map[string][]string{}, Approvals: map[string][]string{}, seen: map[string]bool{}}
}

func (h *heard) hear(list map[string][]string, key, id, status string) {
	if h.seen[id] {
		h.Repeats++
		return
	}
	h.seen[id] = true
	list[key] = append(list[key], status)
}

// appOf returns the workflow ID of the app that receives the notices of a case or an activation.
func appOf(name string) string {
	sum := fnv.New32a()
	// Write on a hash never returns an error.
	_, _ = sum.Write([]byte(name))
	return appID(int(sum.Sum32() % apps))
}

func appID(n int) string { return fmt.Sprintf("%s/%d", appWorkflow, n) }

// startApps starts the apps' workflows and their worker.
func startApps(ctx context.Context, temporal client.Client) (stop func(), err error) {
	w := sdkworker.New(temporal, appQueue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(app, workflow.RegisterOptions{Name: appWorkflow})
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the apps' worker: %w", err)
	}
	for n := range apps {
		_, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: appID(n), TaskQueue: appQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, appWorkflow)
		if err != nil {
			w.Stop()
			return nil, fmt.Errorf("start app %d: %w", n, err)
		}
	}
	return w.Stop, nil
}

func app(ctx workflow.Context) error {
	h := newHeard()
	if err := workflow.SetQueryHandler(ctx, appQuery, func() (heard, error) { return h, nil }); err != nil {
		return err
	}
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalCaseNotice), func(c workflow.ReceiveChannel, _ bool) {
		var notice workflows.Notice
		c.Receive(ctx, &notice)
		if outcome := notice.Data.Outcome; outcome != nil {
			h.hear(h.Outcomes, notice.Reference, notice.ID, string(outcome.Status))
		}
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, signalApprovalNotice), func(c workflow.ReceiveChannel, _ bool) {
		var notice workflows.Notice
		c.Receive(ctx, &notice)
		if approval := notice.Data.Approval; approval != nil {
			h.hear(h.Approvals, approval.MessageID, notice.ID, string(approval.Status))
		}
	})
	for {
		selector.Select(ctx)
	}
}

// allHeard queries all apps and merges what they received.
func allHeard(ctx context.Context, temporal client.Client) (heard, error) {
	all := newHeard()
	for n := range apps {
		var one heard
		err := until(ctx, "query the notices that the apps received", func(ctx context.Context) (bool, error) {
			value, err := temporal.QueryWorkflow(ctx, appID(n), "", appQuery)
			if err == nil {
				err = value.Get(&one)
			}
			return err == nil, err
		})
		if err != nil {
			return heard{}, err
		}
		for reference, statuses := range one.Outcomes {
			all.Outcomes[reference] = statuses
		}
		for message, statuses := range one.Approvals {
			all.Approvals[message] = statuses
		}
		all.Repeats += one.Repeats
	}
	return all, nil
}
