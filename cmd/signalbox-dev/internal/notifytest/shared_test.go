package notifytest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (

	// receiverQueue is the task queue of the workflows that receive notices.
	receiverQueue = "receivers"
	// waitTimeout bounds every wait. An activity that the server loses is repeated only after its whole time, which is a minute for some.
	waitTimeout = 5 * time.Minute
)

var (
	// shared is the server of all tests, with the workers that production runs.
	shared client.Client
	// activities are what the workers run.
	activities *notice.Activities
	// hooks are the callbacks of the configuration, by name.
	hooks = map[string]*hook{}
)

// agent is the agent of the configuration whose notices are handed over.
const agent = "pages"

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (code int, err error) {
	stickytest.Apply()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	server, err := temporaldev.Start(ctx, temporaldev.Options{
		SearchAttributes: worker.SearchAttributes(),
		DynamicConfig:    map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond},
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if shared, err = server.Dial(ctx, payloadtest.Apply); err != nil {
		return 1, err
	}
	defer shared.Close()

	if activities, err = newActivities(); err != nil {
		return 1, err
	}
	defer activities.Close()
	for _, h := range hooks {
		defer h.server.Close()
	}

	receivers := sdkworker.New(shared, receiverQueue, sdkworker.Options{})
	receivers.RegisterWorkflowWithOptions(receive, workflow.RegisterOptions{Name: "receive"})
	receivers.RegisterWorkflowWithOptions(handOver, workflow.RegisterOptions{Name: "hand-over"})
	receivers.RegisterWorkflowWithOptions(tell, workflow.RegisterOptions{Name: "tell"})
	activities.Register(receivers)
	if err := receivers.Start(); err != nil {
		return 1, err
	}
	defer receivers.Stop()
	ended := make(chan error, 1)
	go func() { ended <- worker.New(shared, worker.Options{Notice: activities}).Run(ctx) }()
	code = m.Run()
	stop()
	return code, <-ended
}

// newActivities makes the activities with one callback for each way in which a receiver fails.
func newActivities() (*notice.Activities, error) {
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))
	config := notice.Config{
		Temporal: shared, Now: time.Now, Callbacks: map[string]notice.Callback{},
		Accounts: map[string][]string{"told": {"well"}},
		Agents: map[string]notice.Agent{
			agent: {HandOver: &workflows.HandOver{WorkflowType: "hand-over", TaskQueue: receiverQueue}},
		},
	}
	for _, name := range []string{"well", "failing", "gone", "redirecting", "hanging", "slow"} {
		h, err := newHook(secret)
		if err != nil {
			return nil, err
		}
		hooks[name] = h
		config.Callbacks[name] = notice.Callback{URL: h.server.URL + "/hook", Secrets: []string{secret}, AllowPrivate: true}
	}
	config.Callbacks["private"] = notice.Callback{URL: hooks["well"].server.URL, Secrets: []string{secret}}
	made, err := notice.New(config)
	if err != nil {
		return nil, fmt.Errorf("make activities: %w", err)
	}
	return made, nil
}

// handOver is the workflow of an agent's author: it returns the notices that it received, once the activation is deactivated.
func handOver(ctx workflow.Context, start workflows.HandOverStart) ([]workflows.Notice, error) {
	notices := signalbox.ReceiveNotices(ctx, workflows.SignalAgentNotice)
	var got []workflows.Notice
	for {
		n, err := notices.Receive(ctx)
		if err != nil {
			return nil, err
		}
		if n.Agent != start.Agent || n.ActivationID != start.ActivationID {
			return nil, fmt.Errorf("a notice of %s of %s", n.ActivationID, n.Agent)
		}
		if got = append(got, n); n.Kind == workflows.NoticeActivationDeactivated {
			return got, nil
		}
	}
}

// receive is a workflow of a business app: it returns the notices that it was sent, once there are that many.
func receive(ctx workflow.Context, count int) ([]workflows.Notice, error) {
	notices := signalbox.ReceiveNotices(ctx, "told")
	var got []workflows.Notice
	for len(got) < count {
		n, err := notices.Receive(ctx)
		if err != nil {
			return nil, err
		}
		got = append(got, n)
	}
	return got, nil
}
