package notifytest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// stickyOff runs the tests with the sticky cache off: then every workflow task replays the history, and nondeterminism shows.
	stickyOff = "SIGNALBOX_TEST_STICKY_CACHE_OFF"

	// receiverQueue is the task queue of the workflows that are told.
	receiverQueue = "receivers"
	// patience bounds every wait.
	patience = time.Minute
)

// shared is the server of all tests, with the workers that production runs.
var shared client.Client

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	if os.Getenv(stickyOff) != "" {
		sdkworker.SetStickyWorkflowCacheSize(0)
	}
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
	if shared, err = server.Dial(ctx); err != nil {
		return 1, err
	}
	defer shared.Close()

	receivers := sdkworker.New(shared, receiverQueue, sdkworker.Options{})
	receivers.RegisterWorkflowWithOptions(receive, workflow.RegisterOptions{Name: "receive"})
	if err := receivers.Start(); err != nil {
		return 1, err
	}
	defer receivers.Stop()
	ended := make(chan error, 1)
	go func() { ended <- worker.New(shared, worker.Options{}).Run(ctx) }()
	code = m.Run()
	stop()
	return code, <-ended
}

// receive is a workflow of a business app: it returns the notices that it was sent, once there are that many.
func receive(ctx workflow.Context, count int) ([]workflows.Notice, error) {
	var got []workflows.Notice
	for len(got) < count {
		var n workflows.Notice
		workflow.GetSignalChannel(ctx, "told").Receive(ctx, &n)
		got = append(got, n)
	}
	return got, nil
}
