package signalbox_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	erasedCase    = "offload-case/vendor_2048"
	erasedFiles   = "offload-files/vendor_2048"
	erasedNotices = "notify/offload-case/vendor_2048"
	// deleteTime is how long the fake takes to delete a run.
	deleteTime = time.Second
)

// erasable is a Temporal whose workflows can be listed, terminated and deleted. No worker answers. Use it in a bubble of synctest.
type erasable struct {
	client.Client
	mu   sync.Mutex
	runs []*erasedRun
	// onTerminated is called with the ID of a workflow that was running.
	onTerminated func(id string)
	// most is how many runs of one workflow were being deleted at once.
	most int
}

type erasedRun struct {
	id, run, workflowType string
	status                enumspb.WorkflowExecutionStatus
	attention             []string
	deleting              bool
}

func (e *erasable) add(id, run string, status enumspb.WorkflowExecutionStatus, attention ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	workflowType, _, _ := strings.Cut(id, "/")
	e.runs = append(e.runs, &erasedRun{id: id, run: run, workflowType: workflowType, status: status, attention: attention})
}

func (e *erasable) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, run := range slices.Backward(e.runs) {
		if !strings.Contains(r.GetQuery(), "'"+run.id+"'") {
			continue
		}
		attention, err := converter.GetDefaultDataConverter().ToPayload(run.attention)
		if err != nil {
			return nil, err
		}
		response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: run.id, RunId: run.run}, Status: run.status,
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeAttention: attention}},
		})
	}
	return response, nil
}

// find returns the newest run if runID is empty.
func (e *erasable) find(id, runID string) (*erasedRun, error) {
	for _, run := range slices.Backward(e.runs) {
		if run.id == id && (runID == "" || runID == run.run) {
			return run, nil
		}
	}
	return nil, serviceerror.NewNotFound("workflow not found for ID: " + id)
}

func (e *erasable) DescribeWorkflow(_ context.Context, id, runID string) (*client.WorkflowExecutionDescription, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	run, err := e.find(id, runID)
	if err != nil {
		return nil, err
	}
	described := &client.WorkflowExecutionDescription{}
	described.WorkflowExecution.RunID, described.WorkflowType.Name, described.Status = run.run, run.workflowType, run.status
	return described, nil
}

func (e *erasable) QueryWorkflowWithOptions(context.Context, *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	return nil, serviceerror.NewWorkflowNotReady("no worker")
}

func (e *erasable) TerminateWorkflow(_ context.Context, id, runID, _ string, _ ...any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	run, err := e.find(id, runID)
	if err == nil {
		e.end(run)
	}
	return err
}

func (e *erasable) end(run *erasedRun) {
	if run.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && e.onTerminated != nil {
		e.onTerminated(run.id)
	}
	run.status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
}

func (e *erasable) WorkflowService() workflowservice.WorkflowServiceClient { return deleter{of: e} }

type deleter struct {
	workflowservice.WorkflowServiceClient
	of *erasable
}

func (d deleter) DeleteWorkflowExecution(_ context.Context, r *workflowservice.DeleteWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
	e, id := d.of, r.GetWorkflowExecution().GetWorkflowId()
	e.mu.Lock()
	defer e.mu.Unlock()
	run, err := e.find(id, r.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	e.end(run)
	run.deleting = true
	atOnce := 0
	for _, other := range e.runs {
		if other.id == id && other.deleting {
			atOnce++
		}
	}
	e.most = max(e.most, atOnce)
	time.AfterFunc(deleteTime, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.runs = slices.DeleteFunc(e.runs, func(other *erasedRun) bool { return other == run })
	})
	return &workflowservice.DeleteWorkflowExecutionResponse{}, nil
}

// erase erases as the command with --force does, and returns how long Temporal took.
func erase(t *testing.T, erasure *signalbox.Erasure) (deleted int, took time.Duration) {
	t.Helper()
	_, err := erasure.Find(t.Context())
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, erasure.End(t.Context(), "ada"))
	deleted, err = erasure.Delete(t.Context())
	require.NoError(t, err)
	return deleted, time.Since(began)
}

// A terminated workflow's activities and local activities run on.
func TestWhatATerminatedWorkflowStillStartsIsErasedAsWell(t *testing.T) {
	t.Parallel()
	const agent, id = "pages", "act_1"
	handOver, activation := workflows.HandOverWorkflowID(agent, id), workflows.ArtmailActivationWorkflowID(agent, id)
	for name, c := range map[string]struct {
		open string
		// starts are the workflows that start late, after another one was terminated.
		starts map[string]string
		after  time.Duration
	}{
		"a hand-off of a case": {erasedCase, map[string]string{erasedCase: erasedFiles}, 5 * time.Second},
		"a hand-off, whose delivery starts another workflow": {
			activation, map[string]string{activation: workflows.NotifyWorkflowID(activation), workflows.NotifyWorkflowID(activation): handOver}, 25 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &erasable{}
				server.add(c.open, "1", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
				server.onTerminated = func(ended string) {
					if late := c.starts[ended]; late != "" {
						delete(c.starts, ended)
						time.AfterFunc(c.after, func() { server.add(late, "late", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING) })
					}
				}
				starts := len(c.starts)
				apps := newClient(t, server, signalbox.Options{})
				erasure, err := apps.EraseCase("vendor_2048")
				if c.open == activation {
					handOverType, _, _ := strings.Cut(handOver, "/")
					erasure, err = apps.EraseActivation(agent, id, handOverType)
				}
				require.NoError(t, err)
				deleted, _ := erase(t, erasure)
				time.Sleep(time.Minute) //nolint:forbidigo // in a bubble, it takes no time
				require.Empty(t, server.runs)
				require.Empty(t, c.starts)
				require.Equal(t, 1+starts, deleted)
			})
		})
	}
}

func TestAnErasureWaitsOnlyForWhatItEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status enumspb.WorkflowExecutionStatus
		waits  bool
	}{
		"it has ended": {enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, false},
		"it is open":   {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &erasable{}
				server.add(erasedCase, "1", c.status)
				erasure, err := newClient(t, server, signalbox.Options{}).EraseCase("vendor_2048")
				require.NoError(t, err)
				_, took := erase(t, erasure)
				require.Equal(t, c.waits, took > 25*time.Second, "%s", took)
				require.Less(t, took, 35*time.Second)
			})
		})
	}
}

// Each of two runs that are deleted at once would spare the events that they share.
func TestRunsAreErasedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &erasable{}
		server.add(erasedCase, "1", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
		server.add(erasedCase, "reset", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
		server.add(erasedCase, "reset again", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		server.add(erasedNotices, "1", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		erasure, err := newClient(t, server, signalbox.Options{}).EraseCase("vendor_2048")
		require.NoError(t, err)
		deleted, _ := erase(t, erasure)
		require.Equal(t, 4, deleted)
		require.Empty(t, server.runs)
		require.Equal(t, 1, server.most)
	})
}

func TestAnErasureSaysWhetherTheCaseGoesOnAtOffload(t *testing.T) {
	t.Parallel()
	const completed, terminated, running = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	for name, c := range map[string]struct {
		runs []erasedRun
		want bool
	}{
		"it has ended there":         {[]erasedRun{{status: completed}}, false},
		"it was reset, then ended":   {[]erasedRun{{status: terminated}, {status: completed}}, false},
		"it was cancelled here only": {[]erasedRun{{status: completed, attention: []string{workflows.AttentionStillRunning}}}, true},
		"it is open":                 {[]erasedRun{{status: running}}, true},
		"it was terminated":          {[]erasedRun{{status: terminated}}, true},
		"Temporal has nothing":       {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &erasable{}
			for i, run := range c.runs {
				server.add(erasedCase, string(rune('a'+i)), run.status, run.attention...)
			}
			erasure, err := newClient(t, server, signalbox.Options{}).EraseCase("vendor_2048")
			require.NoError(t, err)
			held, err := erasure.Find(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.want, held.StillRunning)
		})
	}
}
