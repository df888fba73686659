package casetest_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	receiverQueue = "receivers"
	receiver      = "receive"
	told          = "told"
)

// receive is a workflow of a business app: it returns so many different notices, in the order in which they came. It leaves out those of a
// case's attention: a busy machine may give cause for one.
func receive(ctx workflow.Context, count int) ([]workflows.Notice, error) {
	return receiveFrom(ctx, told, count)
}

func receiveFrom(ctx workflow.Context, signal string, count int) ([]workflows.Notice, error) {
	notices := signalbox.ReceiveNotices(ctx, signal)
	var got []workflows.Notice
	for len(got) < count {
		next, err := notices.Receive(ctx)
		if err != nil {
			return got, err
		}
		if next.Kind != workflows.NoticeCaseAttention {
			got = append(got, next)
		}
	}
	return got, nil
}

// startReceivers runs the worker of the receivers.
func startReceivers(temporal client.Client) (stop func(), err error) {
	w := sdkworker.New(temporal, receiverQueue, sdkworker.Options{})
	w.RegisterWorkflowWithOptions(receive, workflow.RegisterOptions{Name: receiver})
	w.RegisterWorkflowWithOptions(receiveHandedOver, workflow.RegisterOptions{Name: handOver})
	return w.Stop, w.Start()
}

// receiverOf is where the notices of a case go, whether or not anything runs there.
func receiverOf(reference string) *workflows.ReplyTo {
	return &workflows.ReplyTo{WorkflowID: receiver + "/" + reference, Signal: told}
}

// startReceiver starts the receiver of a case. What it returns waits for the notices.
func startReceiver(t *testing.T, temporal client.Client, reference string, count int) (wait func() []workflows.Notice) {
	t.Helper()
	return returned(t, stories.Execute(t, temporal, client.StartWorkflowOptions{ID: receiverOf(reference).WorkflowID, TaskQueue: receiverQueue}, receiver, count))
}

// returned waits for the notices that a receiver returns.
func returned(t *testing.T, run client.WorkflowRun) (wait func() []workflows.Notice) {
	return func() (got []workflows.Notice) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
		defer cancel()
		require.NoError(t, run.Get(ctx, &got))
		return got
	}
}

// deliveries reads where the notices of a case or an activation stand.
func deliveries(temporal client.Client, one interface{ WorkflowID() string }) func(context.Context) (workflows.NotifyState, error) {
	return func(ctx context.Context) (state workflows.NotifyState, err error) {
		value, err := temporal.QueryWorkflow(ctx, workflows.NotifyWorkflowID(one.WorkflowID()), "", workflows.QueryState)
		if err == nil {
			err = value.Get(&state)
		}
		return state, err
	}
}

// expected leaves out the notices that receive leaves out.
func expected(notices []workflows.NoticeRecord) []workflows.NoticeRecord {
	return slices.DeleteFunc(slices.Clone(notices), func(n workflows.NoticeRecord) bool { return n.Kind == workflows.NoticeCaseAttention })
}

func allDelivered(count int) func(workflows.NotifyState) bool {
	return func(s workflows.NotifyState) bool {
		notices := expected(s.Notices)
		for _, n := range notices {
			if n.Status != workflows.NoticeDelivered {
				return false
			}
		}
		return len(notices) == count
	}
}
