package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The business app of the demonstration: workflows that receive notices as signals.
const (
	appWorkflow = "demo-app"
	appQueue    = "demo-app"
	appSignal   = "news"
)

// listen returns the kinds of the first notices, in the order of their arrival. It skips notices of attention, which a busy
// machine can cause.
func listen(ctx workflow.Context, count int) ([]workflows.NoticeKind, error) {
	notices := signalbox.ReceiveNotices(ctx, appSignal)
	var kinds []workflows.NoticeKind
	for len(kinds) < count {
		notice, err := notices.Receive(ctx)
		if err != nil {
			return kinds, err
		}
		if notice.Kind != workflows.NoticeCaseAttention {
			kinds = append(kinds, notice.Kind)
		}
	}
	return kinds, nil
}

// startApp runs the app's worker.
func startApp(temporal client.Client) (stop func(), err error) {
	w := sdkworker.New(temporal, appQueue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(listen, workflow.RegisterOptions{Name: appWorkflow})
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the app's worker: %w", err)
	}
	return w.Stop, nil
}

// app is one workflow of the business app, and the notices that it must receive.
type app struct {
	run  client.WorkflowRun
	want []workflows.NoticeKind
}

// startListening starts a workflow of the app, to which notices can be sent.
func startListening(ctx context.Context, s *stage, name string, want ...workflows.NoticeKind) (*app, error) {
	run, err := s.instance.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: appWorkflow + "/" + name, TaskQueue: appQueue, StaticSummary: "The app that waits for " + name,
	}, appWorkflow, len(want))
	if err != nil {
		return nil, fmt.Errorf("start the app's workflow: %w", err)
	}
	return &app{run: run, want: want}, nil
}

func (a *app) replyTo() *workflows.ReplyTo {
	return &workflows.ReplyTo{WorkflowID: a.run.GetID(), Signal: appSignal}
}

// receivesNotices waits for the notices and compares them.
func (a *app) receivesNotices(ctx context.Context, s *stage) error {
	var got []workflows.NoticeKind
	if err := a.run.Get(ctx, &got); err != nil {
		return fmt.Errorf("wait for the notices: %w", err)
	}
	s.say("the app's workflow received: %s", list(got))
	if !slices.Equal(got, a.want) {
		return fmt.Errorf("the app received %s, want %s", list(got), list(a.want))
	}
	return nil
}

func list(kinds []workflows.NoticeKind) string {
	var words []string
	for _, kind := range kinds {
		words = append(words, string(kind))
	}
	return strings.Join(words, ", then ")
}
