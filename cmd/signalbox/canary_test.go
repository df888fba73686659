package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
)

// canaryHistory is a canary's history: as long as it goes, then it ends or waits for more. To wait until ctx ends takes no time here.
type canaryHistory struct {
	ctx   context.Context
	left  []enumspb.EventType
	waits bool
}

func (h *canaryHistory) HasNext() bool { return len(h.left) > 0 || h.waits }

func (h *canaryHistory) Next() (*historypb.HistoryEvent, error) {
	if len(h.left) == 0 {
		if _, bounded := h.ctx.Deadline(); !bounded {
			return nil, errors.New("it would wait for ever")
		}
		return nil, context.DeadlineExceeded
	}
	next := h.left[0]
	h.left = h.left[1:]
	return &historypb.HistoryEvent{EventType: next}, nil
}

func TestTheCanarySaysWhichStepHangsAndWhatToCheck(t *testing.T) {
	t.Parallel()
	const (
		started   = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
		task      = enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED
		failed    = enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED
		signalled = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
		completed = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
	)
	type events = []enumspb.EventType
	for name, c := range map[string]struct {
		history events
		answer  int
		refuses error
		// says is what the output has of each step, in order; the last one is the step that hangs.
		says []string
		ok   bool
	}{
		"all is well": {events{started, task, signalled, task, completed}, 204, nil, []string{"ok +canary start", "ok +canary accept", "ok +canary signal", "ok +canary task", "ok +canary apply"}, true},
		"no start":    {nil, 204, errors.New("no room"), []string{"FAILED +canary start .*no room"}, false},
		"refused":     {events{started, task}, 401, nil, []string{"ok +canary start", "FAILED +canary accept .*load balancer.*401"}, false},
		"no signal":   {events{started, task}, 204, nil, []string{"ok +canary accept", "FAILED +canary signal .*inbox list"}, false},
		"no worker":   {events{started, signalled}, 204, nil, []string{"ok +canary signal", "FAILED +canary task .*no worker takes tasks"}, false},
		"not applied": {events{started, task, signalled, task, failed}, 204, nil, []string{"ok +canary task", "FAILED +canary apply .*does not apply it"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring, keys := newKeys(t)
			var path atomic.Value
			ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path.Store(r.URL.Path)
				w.WriteHeader(c.answer)
			}))
			t.Cleanup(ingress.Close)
			server := &mocks.Client{}
			good := namespace{retention: minRetention, attributes: worker.SearchAttributes()}
			server.On("WorkflowService").Return(good)
			server.On("OperatorService").Return(good)
			server.On("CountWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.CountWorkflowExecutionsResponse{}, nil)
			server.On("Close")
			run := &mocks.WorkflowRun{}
			var options client.StartWorkflowOptions
			var start workflows.CaseStart
			server.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.OffloadCaseWorkflow, mock.Anything).Run(func(args mock.Arguments) {
				options = args.Get(1).(client.StartWorkflowOptions)
				start = args.Get(3).(workflows.CaseStart)
				run.On("GetID").Return(options.ID)
				run.On("GetRunID").Return("run")
			}).Return(run, c.refuses)
			history := &canaryHistory{left: c.history, waits: !c.ok}
			server.On("GetWorkflowHistory", mock.Anything, mock.Anything, "run", true, mock.Anything).
				Run(func(args mock.Arguments) { history.ctx = args.Get(0).(context.Context) }).
				Return(history)
			server.On("TerminateWorkflow", mock.Anything, mock.Anything, "run", mock.Anything).Return(nil)

			environ := []string{keys, "SIGNALBOX_PUBLIC_URL=" + ingress.URL, "SIGNALBOX_OFFLOAD_BASE_URL=https://o.example.com", "SIGNALBOX_OFFLOAD_API_KEY=offload-secret"}
			dial := func(context.Context, client.Options) (client.Client, error) { return server, nil }
			got := commandWith(t, environ, dial, "doctor", "worker", "--canary", "--canary-timeout", "1m")
			for _, says := range c.says {
				require.Regexp(t, says, got.out)
			}
			if c.ok {
				require.Zero(t, got.status, got.out+got.err)
				server.AssertNotCalled(t, "TerminateWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything)
			} else {
				require.Equal(t, 1, got.status)
				lines := strings.Split(strings.TrimSpace(got.out), "\n")
				require.Contains(t, lines[len(lines)-1], "FAILED", "nothing is said of what comes after")
			}
			if c.refuses != nil {
				return
			}
			// What makes it harmless: an account that no worker has, a reference that no case may have, and a bounded life.
			require.Equal(t, workflows.CanaryAccount, start.Account)
			require.True(t, workflows.IsCanaryReference(start.Reference))
			require.NoError(t, start.Normalized().Validate())
			require.Equal(t, workflows.OffloadCaseWorkflowID(start.Reference), options.ID)
			require.Positive(t, options.WorkflowExecutionTimeout)
			token := ring.Token(workflows.OffloadTokenContext(start.Reference)...)
			require.Equal(t, workflows.OffloadWebhookPath(start.Reference, token), path.Load())
			require.NotContains(t, got.out+got.err, token)
			if !c.ok {
				server.AssertCalled(t, "TerminateWorkflow", mock.Anything, options.ID, "run", mock.Anything)
			}
		})
	}
}

func TestTheCanaryNeedsTheURLOfTheIngress(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	good := namespace{retention: minRetention, attributes: worker.SearchAttributes()}
	got := commandWith(t, []string{keys}, good.dial, "doctor", "ingress", "--canary")
	require.Equal(t, 1, got.status)
	require.Regexp(t, `FAILED +canary start .*--canary-url or --public-url`, got.out)
}
