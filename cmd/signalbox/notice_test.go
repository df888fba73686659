package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// withNotices adds the workflow "notify" of one source to a fake, by its rules. Without a source it changes nothing.
type withNotices struct {
	client.Client

	mu    sync.Mutex
	state lifecycle.State
	began time.Time
	// by lists who resent and dismissed.
	by []string
	// files is the state of the workflow "offload-files" of its reference.
	files *workflows.CaseFiles
	// away makes lists and signals fail. With awayAfterSignal it becomes true after the next signal.
	away, awayAfterSignal bool
}

func (c *withNotices) available() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return serviceerror.NewUnavailable("Temporal is away")
	}
	return nil
}

func (c *withNotices) SignalWorkflow(ctx context.Context, workflowID, runID, name string, argument any) error {
	if err := c.available(); err != nil {
		return err
	}
	err := c.Client.SignalWorkflow(ctx, workflowID, runID, name, argument)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = c.awayAfterSignal
	return err //nolint:wrapcheck // a test
}

// giveUp makes the notices of a source that were given up, by their IDs, each made at a time.
func (c *withNotices) giveUp(source string, made map[string]time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.began = lifecycle.State{Source: source}, time.Now()
	for id, at := range made {
		c.state.Notices = append(c.state.Notices, lifecycle.Notice{
			Notice: workflows.Notice{ID: id, Kind: workflows.NoticeCaseAttention, Source: source, Time: at},
			To:     workflows.Target{Callback: "finance"}, Status: workflows.NoticeGivenUp, SettledAt: at, Attempts: 9, LastError: "410 \x1b[2J Gone",
		})
		c.state.Bodies = append(c.state.Bodies, lifecycle.Body{ID: id})
	}
}

// of says whether a workflow is the one that is added.
func (c *withNotices) of(workflowID string) bool {
	return c.state.Source != "" && workflowID == workflows.NotifyWorkflowID(c.state.Source)
}

// answered is the answer of a query or an update.
type answered struct {
	client.WorkflowUpdateHandle
	value any
}

func (answered) HasValue() bool { return true }

func (a answered) get(into any) error {
	raw, err := json.Marshal(a.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

type queried struct{ answered }

func (q queried) Get(into any) error { return q.get(into) }

type updated struct{ answered }

func (u updated) Get(_ context.Context, into any) error { return u.get(into) }

func (c *withNotices) QueryWorkflowWithOptions(ctx context.Context, request *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files != nil && request.WorkflowID == workflows.OffloadFilesWorkflowID(c.files.Reference) {
		return &client.QueryWorkflowWithOptionsResponse{QueryResult: queried{answered{value: *c.files}}}, nil
	}
	if !c.of(request.WorkflowID) {
		return c.Client.QueryWorkflowWithOptions(ctx, request)
	}
	return &client.QueryWorkflowWithOptionsResponse{QueryResult: queried{answered{value: lifecycle.View(c.state)}}}, nil
}

func (c *withNotices) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.of(options.WorkflowID) {
		return c.Client.UpdateWorkflow(ctx, options)
	}
	selected, change := options.Args[0].(workflows.SelectNotices), lifecycle.Resend
	if options.UpdateName == workflows.UpdateDismiss {
		change = lifecycle.Dismiss
	}
	state, done, err := change(c.state, selected, time.Now())
	if err != nil {
		return nil, sdktemporal.NewApplicationError(err.Error(), workflows.ErrTypeNotGivenUp)
	}
	c.state, c.by = state, append(c.by, selected.By)
	return updated{answered{value: done}}, nil
}

func (c *withNotices) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	if err := c.available(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Source == "" || !strings.Contains(request.GetQuery(), "'"+workflows.NotifyWorkflow+"'") {
		return c.Client.ListWorkflow(ctx, request)
	}
	attention := lifecycle.Attention(c.state)
	if len(attention) == 0 && strings.Contains(request.GetQuery(), workflows.SearchAttributeAttention) || strings.Contains(request.GetQuery(), "!= 'Running'") {
		return &workflowservice.ListWorkflowExecutionsResponse{}, nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(attention)
	if err != nil {
		return nil, err
	}
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{{
		Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.NotifyWorkflowID(c.state.Source), RunId: "run"},
		Type:      &commonpb.WorkflowType{Name: workflows.NotifyWorkflow}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(c.began),
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeAttention: payload}},
	}}}, nil
}

func TestNoticesThatWereGivenUpAreResentAndDismissed(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		do := func(status int, args ...string) result {
			t.Helper()
			got := d.run(t, "", args...)
			require.Equal(t, status, got.status, "%v: %s%s", args, got.out, got.err)
			require.NotContains(t, got.out+got.err, "\x1b", args)
			return got
		}
		statuses := func() map[string]workflows.NoticeStatus {
			t.Helper()
			var state workflows.NotifyState
			require.NoError(t, json.Unmarshal([]byte(do(0, "notice", "list", "vendor_9", "--json").out), &state))
			found := map[string]workflows.NoticeStatus{}
			for _, n := range state.Notices {
				found[n.ID] = n.Status
			}
			return found
		}
		const givenUp, waits, dismissed = workflows.NoticeGivenUp, workflows.NoticeWaiting, workflows.NoticeDismissed
		do(0, "case", "start", "--reference", "vendor_9", "-f", request(t, "ask"))
		now := time.Now()
		d.notices.giveUp(workflows.OffloadCaseWorkflowID("vendor_9"), map[string]time.Time{
			"ntc_1": now.Add(-5 * time.Hour), "ntc_2": now.Add(-4 * time.Hour), "ntc_3": now.Add(-time.Hour), "ntc_4": now.Add(-3 * time.Hour),
		})
		require.Regexp(t, `offload-case/vendor_9 .*notice_given_up`, do(0, "notice", "list", "--given-up").out)
		require.Regexp(t, `ntc_1 +case.attention +callback finance +GIVEN_UP .*5 hours ago .*410 \\u001b\[2J Gone`, do(0, "notice", "list", "vendor_9", "--given-up").out)

		const attempts = "Temporal's Web UI has the attempts of waiting notices so far: Pending Activities of notify/offload-case/vendor_9\n"
		require.NotContains(t, do(0, "notice", "list", "vendor_9").out, attempts)

		require.Regexp(t, `notices +1\n`, do(0, "notice", "resend", "vendor_9", "ntc_1").out)
		require.Contains(t, do(0, "notice", "list", "vendor_9").out, attempts)
		require.Equal(t, map[string]workflows.NoticeStatus{"ntc_1": waits, "ntc_2": givenUp, "ntc_3": givenUp, "ntc_4": givenUp}, statuses())
		require.NotContains(t, do(0, "notice", "list", "vendor_9", "--given-up").out, "ntc_1")
		do(4, "notice", "resend", "vendor_9", "ntc_1")

		require.JSONEq(t, `{"notices":1}`, do(0, "notice", "resend", "vendor_9", "--since", "2h", "--json").out)
		require.Equal(t, map[string]workflows.NoticeStatus{"ntc_1": waits, "ntc_2": givenUp, "ntc_3": waits, "ntc_4": givenUp}, statuses())
		do(4, "notice", "resend", "vendor_9", "--since", "2h")

		require.Regexp(t, `notices +1\n`, do(0, "notice", "dismiss", "offload-case/vendor_9", "ntc_2").out)
		require.Regexp(t, `notices +1\n`, do(0, "notice", "dismiss", "vendor_9").out)
		require.Equal(t, map[string]workflows.NoticeStatus{"ntc_1": waits, "ntc_2": dismissed, "ntc_3": waits, "ntc_4": dismissed}, statuses())
		require.NotContains(t, do(0, "notice", "list", "--given-up").out, "vendor_9")
		do(4, "notice", "dismiss", "vendor_9")

		who := d.process.who()
		if d.process.variable("SIGNALBOX_API") != "" {
			who = "ann" // the token's name
		}
		require.Equal(t, []string{who, who, who, who}, d.notices.by)
	})
}
