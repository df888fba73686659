package signalbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// invalidArgument is the error of a workflow with an invalid input. A refused update has the same type.
var invalidArgument = &failurepb.Failure{
	Message: "reference: it is missing",
	FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: workflows.ErrTypeInvalidArgument, NonRetryable: true},
	},
}

func TestAWorkflowWithoutAResultHasItsOwnError(t *testing.T) {
	t.Parallel()
	for status, want := range map[enumspb.WorkflowExecutionStatus]error{
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: signalbox.ErrTerminated,
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  signalbox.ErrTimedOut,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     signalbox.ErrFailed,
		enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   signalbox.ErrTerminated,
	} {
		// The cancel request comes before the last workflow task.
		resetTo := "its last workflow task"
		if status == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED {
			resetTo = "a workflow task before the cancellation"
		}
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			server, temporal := serveTemporal(t, nil)
			c := newClient(t, temporal, signalbox.Options{})
			one, err := c.StartCase(t.Context(), goodStart())
			require.NoError(t, err)
			_, err = one.State(t.Context())
			require.NoError(t, err, "while it runs")
			server.become(one.WorkflowID(), status)
			server.become(c.Activation("pages", "act/1").WorkflowID(), status)
			server.become(workflows.OffloadFilesWorkflowID("vendor_2048"), status)

			_, stateErr := one.State(t.Context())
			_, startErr := c.StartCase(t.Context(), goodStart())
			_, waitErr := one.Wait(t.Context())
			_, filesErr := one.Files(t.Context())
			_, activationErr := c.Activation("pages", "act/1").State(t.Context())
			for _, err := range []error{stateErr, startErr, waitErr, filesErr, activationErr} {
				require.ErrorIs(t, err, want)
				require.ErrorContains(t, err, "reset the workflow there to "+resetTo, "it says what to do")
				require.ErrorContains(t, err, "signalbox catch-up --since", "events came meanwhile")
				require.NotErrorIs(t, err, signalbox.ErrInvalid, "the cause of the failure is not the caller's mistake")
			}
			require.ErrorContains(t, stateErr, "offload-case/vendor_2048")
			require.ErrorContains(t, startErr, "offload-case/vendor_2048")
			require.ErrorContains(t, activationErr, "artmail-activation/pages/act%2F1")

			other := goodStart()
			other.Request.Goal.Objective = "Something else"
			_, err = c.StartCase(t.Context(), other)
			require.ErrorIs(t, err, signalbox.ErrConflict, "another request is another case, whatever became of the first")
		})
	}
}

func TestCatchUpSkipsACaseThatClosedAfterItWasListed(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	for id, status := range map[string]enumspb.WorkflowExecutionStatus{
		"running":    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		"completed":  enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		"terminated": enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED,
		"timed_out":  enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
		"failed":     enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
	} {
		server.become(workflows.OffloadCaseWorkflowID(id), status)
	}
	report, err := newClient(t, temporal, signalbox.Options{}).CatchUp(t.Context(), signalbox.CatchUpOptions{
		Since: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), By: "ada", CallsPerSecond: 1000,
	})
	require.NoError(t, err)
	require.Empty(t, report.Failures)
	require.Equal(t, signalbox.CatchUpCount{Done: 1, Skipped: 4}, report.Cases)
}

func TestFilesWaitsUntilTheFilesAreStored(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	one, err := newClient(t, temporal, signalbox.Options{}).StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	_, err = one.Files(t.Context())
	require.ErrorIs(t, err, signalbox.ErrNoFiles)

	want := workflows.CaseFiles{Reference: "vendor_2048", CaseID: "c1", Stored: []workflows.StoredFile{{AttachmentID: "f1", Key: "k", Size: 5}}}
	server.complete(t, "offload-files/vendor_2048", want)
	got, err := one.Files(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestFilesOfACaseThatCannotEndAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	c := newClient(t, temporal, signalbox.Options{})
	server.become(workflows.OffloadCaseWorkflowID("stopped"), enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	server.become(workflows.OffloadCaseWorkflowID("running"), enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	for reference, want := range map[string]error{"none": signalbox.ErrNotFound, "stopped": signalbox.ErrTerminated, "running": signalbox.ErrNoFiles} {
		_, now := c.Case(reference).FilesNow(t.Context())
		_, later := c.Case(reference).Files(t.Context())
		for _, err := range []error{now, later} {
			require.ErrorIs(t, err, want, reference)
			require.Equal(t, reference == "running", errors.Is(err, signalbox.ErrNoFiles), err)
			require.Equal(t, reference == "none", signalbox.Missing(err) != "", err)
		}
	}
}

// reversing is a payload codec: only it can decode what it encodes.
type reversing struct{}

func (reversing) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		data, err := p.Marshal()
		if err != nil {
			return nil, err
		}
		slices.Reverse(data)
		out[i] = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/reversed")}, Data: data}
	}
	return out, nil
}

func (reversing) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		data := slices.Clone(p.GetData())
		slices.Reverse(data)
		out[i] = &commonpb.Payload{}
		if err := out[i].Unmarshal(data); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func TestAClientWithAPayloadCodecAttachesToItsOwnStart(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), reversing{}))
	c := newClient(t, temporal, signalbox.Options{})
	_, err := c.StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	memo := server.memo["offload-case/vendor_2048"].GetFields()[workflows.MemoRequestHash]
	require.Equal(t, "binary/reversed", string(memo.GetMetadata()["encoding"]), "the codec is at work")
	_, err = c.StartCase(t.Context(), goodStart())
	require.NoError(t, err)

	other := goodStart()
	other.Request.Goal.Objective = "Something else"
	_, err = c.StartCase(t.Context(), other)
	require.ErrorIs(t, err, signalbox.ErrConflict)
}

func TestTheSameReferenceAttachesForTheSameRequestAndConflictsForAnother(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	c := newClient(t, temporal, signalbox.Options{})
	start := func(change func(*workflows.CaseStart)) error {
		one := goodStart()
		change(&one)
		_, err := c.StartCase(t.Context(), one)
		return err
	}
	same := func(*workflows.CaseStart) {}
	require.NoError(t, start(same))
	require.NoError(t, start(same))
	require.ErrorIs(t, start(func(s *workflows.CaseStart) { s.Request.Goal.Objective = "Something else" }), signalbox.ErrConflict)
	require.ErrorIs(t, start(func(s *workflows.CaseStart) { s.Options.PollFloor = workflows.DefaultPollFloor }), signalbox.ErrConflict,
		"the hash has what was sent: a default that changes later must not change it")
	server.complete(t, "offload-case/vendor_2048", workflows.CaseOutcome{})
	require.NoError(t, start(same), "a case that has ended")

	// The caseId is the reference of an adopted case, whether or not the reference is given.
	_, err := c.StartCase(t.Context(), workflows.CaseStart{CaseID: "4fc5904d"})
	require.NoError(t, err)
	_, err = c.StartCase(t.Context(), workflows.CaseStart{CaseID: "4fc5904d", Reference: "4fc5904d"})
	require.NoError(t, err)

	server.become("offload-case/foreign", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	err = start(func(s *workflows.CaseStart) { s.Reference = "foreign" })
	require.ErrorIs(t, err, signalbox.ErrConflict, "Signalbox did not start it")
	require.Equal(t, 2, server.starts, "Temporal keeps the input of a start that it refuses, and no erasure finds it")
}

func TestTheSameRequestInOtherWordsOfJSONAttaches(t *testing.T) {
	t.Parallel()
	_, temporal := serveTemporal(t, nil)
	c := newClient(t, temporal, signalbox.Options{})
	start := func(metadata, schema, knowledge string) error {
		one := goodStart()
		one.Request.Metadata, one.Request.ResultSchema, one.Request.Goal.Knowledge = json.RawMessage(metadata), json.RawMessage(schema), json.RawMessage(knowledge)
		_, err := c.StartCase(t.Context(), one)
		return err
	}
	const metadata, schema, knowledge = `{"vendor":"Zoë","order":{"no":12345678901234567890,"tags":["a","b"]}}`, `{"type":"object","title":"W-9 & more"}`, `"/a"`
	require.NoError(t, start(metadata, schema, knowledge))
	require.NoError(t, start(`{"order": {"tags": ["a", "b"], "no": 12345678901234567890}, "vendor": "Zo\u00eb"}`, `{"title":"W-9 \u0026 more","type":"object"}`, `"\/\u0061"`))
	require.ErrorIs(t, start(strings.Replace(metadata, "Zoë", "Zoe", 1), schema, knowledge), signalbox.ErrConflict)
	require.ErrorIs(t, start(strings.Replace(metadata, "890", "891", 1), schema, knowledge), signalbox.ErrConflict, "a number too large for a float")
	require.ErrorIs(t, start(strings.Replace(metadata, `"a","b"`, `"b","a"`, 1), schema, knowledge), signalbox.ErrConflict, "the order of a list counts")
	require.ErrorIs(t, start(metadata, `{"type":"object"}`, knowledge), signalbox.ErrConflict)
	require.ErrorIs(t, start(metadata, schema, `"/b"`), signalbox.ErrConflict)

	until := func(deadline time.Time) error {
		one := goodStart()
		one.Reference, one.Options.Deadline = "until", deadline
		_, err := c.StartCase(t.Context(), one)
		return err
	}
	deadline := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	require.NoError(t, until(deadline))
	require.NoError(t, until(deadline.In(time.FixedZone("Berlin", 2*60*60))), "the same time in another zone")
	require.ErrorIs(t, until(deadline.Add(time.Second)), signalbox.ErrConflict)
}

// tooEarly is a client whose first look finds no workflow: another process starts it right after.
type tooEarly struct {
	client.Client
	looked bool
}

func (c *tooEarly) DescribeWorkflow(ctx context.Context, workflowID, runID string) (*client.WorkflowExecutionDescription, error) {
	if !c.looked {
		c.looked = true
		return nil, serviceerror.NewNotFound("workflow not found for ID: " + workflowID)
	}
	return c.Client.DescribeWorkflow(ctx, workflowID, runID)
}

func TestOfTwoStartsAtOnceOneAttaches(t *testing.T) {
	t.Parallel()
	_, temporal := serveTemporal(t, nil)
	_, err := newClient(t, temporal, signalbox.Options{}).StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	one, err := newClient(t, &tooEarly{Client: temporal}, signalbox.Options{}).StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	require.True(t, one.Attached())
	other := goodStart()
	other.Request.Goal.Objective = "Something else"
	_, err = newClient(t, &tooEarly{Client: temporal}, signalbox.Options{}).StartCase(t.Context(), other)
	require.ErrorIs(t, err, signalbox.ErrConflict)
}

func TestAStateIsReadWhileItsWorkflowContinuesAsNew(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	c := newClient(t, temporal, signalbox.Options{})
	one, err := c.StartCase(t.Context(), goodStart())
	require.NoError(t, err)
	server.become(one.WorkflowID(), enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW)
	state, err := one.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseRunning, state.Status)
}

func TestAnUpdateOfNoRunningWorkflowIsUnavailableWhileTemporalCannotTellWhy(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewNotFound("workflow execution already completed"))
	server.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, serviceerror.NewDeadlineExceeded("busy"))
	_, err := newClient(t, server, signalbox.Options{}).Case("vendor_2048").Cancel(t.Context(), workflows.CancelCase{By: "ada"})
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
	require.NotErrorIs(t, err, signalbox.ErrNotFound, "the case may have ended")
}

// busyOnce has no time for the first description of a workflow.
type busyOnce struct {
	client.Client

	meanwhile func()
}

func (b *busyOnce) DescribeWorkflow(ctx context.Context, workflowID, runID string) (*client.WorkflowExecutionDescription, error) {
	if meanwhile := b.meanwhile; meanwhile != nil {
		b.meanwhile = nil
		meanwhile()
		return nil, serviceerror.NewDeadlineExceeded("busy")
	}
	return b.Client.DescribeWorkflow(ctx, workflowID, runID)
}

func TestAWaitOutlastsAResetThatTemporalCannotTellYet(t *testing.T) {
	t.Parallel()
	server, temporal := serveTemporal(t, nil)
	id := workflows.OffloadCaseWorkflowID("vendor_2048")
	server.become(id, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	busy := &busyOnce{Client: temporal, meanwhile: func() {
		server.complete(t, id, workflows.CaseOutcome{Status: workflows.CaseCompleted})
	}}
	outcome, err := newClient(t, busy, signalbox.Options{}).Case("vendor_2048").Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)
}
