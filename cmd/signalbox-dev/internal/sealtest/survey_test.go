package sealtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// waiter waits for signals: it continues as new by one, fails an activity by another, and ends by the third.
func waiter(ctx workflow.Context, input string) (string, error) {
	var does string
	for {
		workflow.GetSignalChannel(ctx, "do").Receive(ctx, &does)
		switch does {
		case "again":
			return "", workflow.NewContinueAsNewError(ctx, "waiter", input)
		case "memo":
			if err := workflow.UpsertMemo(ctx, map[string]any{"memo": "memo"}); err != nil {
				return "", err
			}
		case "end":
			return "result", nil
		}
	}
}

// What needs an older key is found wherever it is, and nothing else is.
func TestAKeyIsRetiredWhenNothingNeedsIt(t *testing.T) {
	t.Parallel()
	// A survey looks at the whole namespace, so this one has its own server.
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{DynamicConfig: impatient})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	first, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	second, err := first.Stage()
	require.NoError(t, err)
	second, err = second.Promote()
	require.NoError(t, err)
	with := func(ring *keyring.Ring) client.Client {
		c, err := server.Dial(t.Context(), payloadcodec.New(ring).Apply)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	before, after := with(first), with(second)
	serve := func(c client.Client) worker.Worker {
		w := worker.New(c, "waiters", worker.Options{StickyScheduleToStartTimeout: 100 * time.Millisecond})
		w.RegisterWorkflowWithOptions(waiter, workflow.RegisterOptions{Name: "waiter"})
		require.NoError(t, w.Start())
		return w
	}
	start := func(c client.Client, id string, memo map[string]any) {
		stories.Execute(t, c, client.StartWorkflowOptions{ID: id, TaskQueue: "waiters", Memo: memo}, "waiter", "input")
	}
	do := func(c client.Client, id, what string) {
		stories.Signal(t, c, id, "do", what)
	}
	// A new run may be listed before the close of the run that it follows.
	listed := func(all, running int64) {
		for query, want := range map[string]int64{"": all, "ExecutionStatus = 'Running'": running} {
			testenv.Eventually(t, func(ctx context.Context) (int64, error) {
				counted, err := before.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
				return counted.GetCount(), err
			}, func(n int64) bool { return n == want })
		}
	}
	survey := func(ring *keyring.Ring, options payloadcodec.SurveyOptions) payloadcodec.Survey {
		return stories.MustRetry(t, func(ctx context.Context) (payloadcodec.Survey, error) {
			return payloadcodec.New(ring).Survey(ctx, after, options)
		})
	}

	w := serve(before)
	start(before, "closed", nil)
	do(before, "closed", "end")
	require.NoError(t, before.GetWorkflow(t.Context(), "closed", "").Get(t.Context(), nil))
	start(before, "open", nil)
	start(before, "memo", map[string]any{"memo": "memo"})
	start(before, "plain", nil)
	w.Stop()
	w = serve(after)
	start(after, "new", nil)
	start(after, "signalled by a process that was not restarted", nil)
	do(before, "signalled by a process that was not restarted", "nothing")
	listed(6, 5)

	require.Zero(t, survey(first, payloadcodec.SurveyOptions{}), "there is no older key")
	all := payloadcodec.Survey{Workflows: 6, Open: []string{"memo", "open", "plain", "signalled by a process that was not restarted"}, Closed: 1}
	require.Equal(t, all, survey(second, payloadcodec.SurveyOptions{}))
	require.Equal(t, payloadcodec.Survey{Workflows: 5, Open: all.Open}, survey(second, payloadcodec.SurveyOptions{OpenOnly: true}))

	// Continuing as new brings the input under the new key, and leaves the memo and the closed run behind.
	for _, id := range all.Open {
		run := func(ctx context.Context) (string, error) {
			described, err := after.DescribeWorkflow(ctx, id, "")
			if err != nil {
				return "", err
			}
			return described.WorkflowExecution.RunID, nil
		}
		earlier := stories.MustRetry(t, run)
		do(after, id, "again")
		testenv.Eventually(t, run, func(id string) bool { return id != earlier })
	}
	listed(10, 5)
	require.Equal(t, payloadcodec.Survey{Workflows: 10, Open: []string{"memo"}, Closed: 5}, survey(second, payloadcodec.SurveyOptions{}))
	do(after, "memo", "memo")
	do(after, "memo", "again")
	listed(11, 5)
	testenv.Eventually(t, func(ctx context.Context) (payloadcodec.Survey, error) {
		return payloadcodec.New(second).Survey(ctx, after, payloadcodec.SurveyOptions{OpenOnly: true})
	}, func(s payloadcodec.Survey) bool { return len(s.Open) == 0 })

	retired, err := second.Retire()
	require.NoError(t, err)
	w.Stop()
	w = serve(with(retired))
	t.Cleanup(w.Stop)
	for _, id := range append(all.Open, "new") {
		do(with(retired), id, "end")
		var result string
		require.NoError(t, with(retired).GetWorkflow(t.Context(), id, "").Get(t.Context(), &result))
		require.Equal(t, "result", result)
	}
}
