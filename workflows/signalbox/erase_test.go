package signalbox_test

import (
	"cmp"
	"context"
	"fmt"
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
	"google.golang.org/protobuf/types/known/timestamppb"

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

// erasable is a Temporal whose workflows can be listed, terminated and deleted. No worker answers. The workflow that is added first is the source:
// while it exists, its ID can't be used again, and so it must be deleted last. Use it in a bubble of synctest.
type erasable struct {
	client.Client
	mu     sync.Mutex
	source string
	runs   []*erasedRun
	// onTerminated is called with the ID of a workflow that was running, onDeleted with that of a run that is gone.
	onTerminated, onDeleted func(id string)
	// most is how many runs of one workflow were being deleted at once.
	most int
}

type erasedRun struct {
	id, run, workflowType string
	status                enumspb.WorkflowExecutionStatus
	started, closed       time.Time
	attention             []string
	deleting              bool
}

const (
	statusRunning    = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	statusCompleted  = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	statusTerminated = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
)

func (e *erasable) add(id, run string, status enumspb.WorkflowExecutionStatus, attention ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	workflowType, _, _ := strings.Cut(id, "/")
	added := &erasedRun{id: id, run: run, workflowType: workflowType, status: status, started: time.Now(), attention: attention}
	if status != statusRunning {
		added.closed = added.started
	}
	e.source = cmp.Or(e.source, id)
	e.runs = append(e.runs, added)
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
		info := &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: run.id, RunId: run.run}, Status: run.status, StartTime: timestamppb.New(run.started),
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeAttention: attention}},
		}
		if !run.closed.IsZero() {
			info.CloseTime = timestamppb.New(run.closed)
		}
		response.Executions = append(response.Executions, info)
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
	described.WorkflowStartTime = run.started
	if closed := run.closed; !closed.IsZero() {
		described.WorkflowCloseTime = &closed
	}
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
	if run.status != statusRunning {
		return
	}
	run.status, run.closed = statusTerminated, time.Now()
	if e.onTerminated != nil {
		e.onTerminated(run.id)
	}
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
	if _, err := e.find(e.source, ""); err != nil {
		return nil, serviceerror.NewFailedPrecondition(id + " is deleted after its source")
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
		if e.onDeleted != nil {
			e.onDeleted(id)
		}
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
				server.add(c.open, "1", statusRunning)
				server.onTerminated = func(ended string) {
					if late := c.starts[ended]; late != "" {
						delete(c.starts, ended)
						time.AfterFunc(c.after, func() { server.add(late, "late", statusRunning) })
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
				<-time.After(time.Minute) // in a bubble, it takes no time
				require.Empty(t, server.runs)
				require.Empty(t, c.starts)
				require.Equal(t, 1+starts, deleted)
			})
		})
	}
}

func TestAnErasureWaitsOnlyForWhatWasTerminated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status enumspb.WorkflowExecutionStatus
		since  time.Duration
		waits  bool
	}{
		"it has ended":                  {statusCompleted, 0, false},
		"it is open":                    {statusRunning, 0, true},
		"it was terminated a while ago": {statusTerminated, 30 * time.Second, false},
		"it was terminated just now":    {statusTerminated, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &erasable{}
				server.add(erasedCase, "1", c.status)
				<-time.After(c.since) // in a bubble, it takes no time
				erasure, err := newClient(t, server, signalbox.Options{}).EraseCase("vendor_2048")
				require.NoError(t, err)
				_, took := erase(t, erasure)
				require.Equal(t, c.waits, took > 25*time.Second, "%s", took)
				require.Less(t, took, 35*time.Second)
			})
		})
	}
}

// A crash or Ctrl-C forgets when the work was terminated.
func TestAnErasureThatWasCutOffIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for name, cutOff := range map[string]func(t *testing.T, server *erasable, first *signalbox.Erasure){
		"after the end of the work": func(t *testing.T, _ *erasable, first *signalbox.Erasure) {
			require.NoError(t, first.End(t.Context(), "ada"))
		},
		"while it waits": func(t *testing.T, _ *erasable, first *signalbox.Erasure) {
			require.NoError(t, first.End(t.Context(), "ada"))
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			_, err := first.Delete(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		},
		"a person terminated the work": func(t *testing.T, server *erasable, _ *signalbox.Erasure) {
			require.NoError(t, server.TerminateWorkflow(t.Context(), erasedCase, "1", "in the Web UI"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &erasable{}
				server.add(erasedCase, "1", statusRunning)
				server.add(erasedNotices, "1", statusCompleted)
				server.onTerminated = func(ended string) {
					if ended == erasedCase {
						time.AfterFunc(5*time.Second, func() { server.add(erasedFiles, "late", statusRunning) })
					}
				}
				apps := newClient(t, server, signalbox.Options{})
				first, err := apps.EraseCase("vendor_2048")
				require.NoError(t, err)
				_, err = first.Find(t.Context())
				require.NoError(t, err)
				cutOff(t, server, first)

				next, err := apps.EraseCase("vendor_2048")
				require.NoError(t, err)
				held, err := next.Find(t.Context())
				require.NoError(t, err)
				require.Empty(t, held.Open)
				_, err = next.Delete(t.Context())
				require.NoError(t, err)
				<-time.After(time.Minute) // in a bubble, it takes no time
				require.Empty(t, server.runs)
			})
		})
	}
}

// An app uses a reference again as soon as Temporal lets it.
func TestTheNextCaseOfAReferenceIsNotErased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &erasable{}
		next := []string{erasedCase, erasedFiles, erasedNotices}
		for _, id := range next {
			server.add(id, "1", statusRunning)
		}
		server.onDeleted = func(id string) {
			if id != erasedCase {
				return
			}
			server.onDeleted = nil
			time.AfterFunc(time.Millisecond, func() {
				for _, id := range next {
					server.add(id, "next", statusRunning)
				}
			})
		}
		erasure, err := newClient(t, server, signalbox.Options{}).EraseCase("vendor_2048")
		require.NoError(t, err)
		deleted, _ := erase(t, erasure)
		require.Equal(t, 3, deleted)
		require.Len(t, server.runs, 3)
		for _, run := range server.runs {
			require.Equal(t, "next", run.run)
			require.Equal(t, statusRunning, run.status)
		}
	})
}

func TestAnErasureEndsWhenAnAppStartsItsWorkflowAgainAndAgain(t *testing.T) {
	t.Parallel()
	const agent, id = "pages", "act_1"
	handOver := workflows.HandOverWorkflowID(agent, id)
	handOverType, _, _ := strings.Cut(handOver, "/")
	for name, c := range map[string]struct {
		status enumspb.WorkflowExecutionStatus
		pause  time.Duration
	}{
		"it runs on":           {statusRunning, 20 * time.Second},
		"it completes at once": {statusCompleted, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &erasable{}
				server.add(workflows.ArtmailActivationWorkflowID(agent, id), "1", statusRunning)
				server.add(handOver, "1", c.status)
				starts, stopped := 0, false
				server.onDeleted = func(gone string) {
					if gone == handOver && !stopped {
						starts++
						run := fmt.Sprint("late ", starts)
						time.AfterFunc(c.pause, func() { server.add(handOver, run, c.status) })
					}
				}
				erasure, err := newClient(t, server, signalbox.Options{}).EraseActivation(agent, id, handOverType)
				require.NoError(t, err)
				_, err = erasure.Find(t.Context())
				require.NoError(t, err)
				require.NoError(t, erasure.End(t.Context(), "ada"))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				deleted, err := erasure.Delete(ctx)
				require.ErrorIs(t, err, signalbox.ErrStillOpen)
				require.ErrorContains(t, err, handOver+" is started again and again: stop its app and repeat")
				require.Equal(t, 6, deleted, "the first and five late ones")

				stopped = true
				deleted, _ = erase(t, erasure)
				require.Equal(t, 2, deleted, "the activation and the last start")
				require.Empty(t, server.runs)
			})
		})
	}
}

// Each of two runs that are deleted at once would spare the events that they share.
func TestRunsAreErasedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &erasable{}
		server.add(erasedCase, "1", statusTerminated)
		server.add(erasedCase, "reset", statusTerminated)
		server.add(erasedCase, "reset again", statusCompleted)
		server.add(erasedNotices, "1", statusCompleted)
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
	for name, c := range map[string]struct {
		runs []erasedRun
		want bool
	}{
		"it has ended there":         {[]erasedRun{{status: statusCompleted}}, false},
		"it was reset, then ended":   {[]erasedRun{{status: statusTerminated}, {status: statusCompleted}}, false},
		"it was cancelled here only": {[]erasedRun{{status: statusCompleted, attention: []string{workflows.AttentionStillRunning}}}, true},
		"it is open":                 {[]erasedRun{{status: statusRunning}}, true},
		"it was terminated":          {[]erasedRun{{status: statusTerminated}}, true},
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
