package notice_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	source        = "offload-case/vendor_2048"
	filesWorkflow = "offload-files/vendor_2048"
)

var app = workflows.ReplyTo{WorkflowID: "app", Signal: "case-news"}

func notices(count, bytes int) []workflows.PostedNotice {
	var list []workflows.PostedNotice
	for seq := range int64(count) {
		list = append(list, workflows.PostedNotice{
			Notice: workflows.Notice{
				ID: fmt.Sprintf("ntc_%d", seq+1), Seq: seq + 1, Kind: workflows.NoticeCaseInputNeeded, Source: source,
				Time: time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC),
				Data: workflows.NoticeData{Question: &workflows.Question{ID: "q1", Text: strings.Repeat("<", bytes/6)}},
			},
			ReplyTo: &app,
		})
	}
	return list
}

// addressed returns the notices as "notify" gets them, with the app as their only target.
func addressed(list []workflows.PostedNotice) []workflows.AddressedNotice {
	var all []workflows.AddressedNotice
	for _, n := range list {
		all = append(all, workflows.AddressedNotice{Notice: n.Notice, To: []workflows.Target{app.Target()}})
	}
	return all
}

func files() *workflows.FilesStart {
	return &workflows.FilesStart{Account: "default", Reference: "vendor_2048", CaseID: "c1"}
}

// temporalClient records the calls to Temporal.
type temporalClient struct {
	*mocks.Client
	signals  [][]workflows.AddressedNotice
	started  []client.StartWorkflowOptions
	inputs   []any
	signalID []string
	// files is the status of the workflow that stores the files. Without one there is none; filesErr is the answer instead.
	files    enumspb.WorkflowExecutionStatus
	filesAt  time.Time // when it started
	filesErr error
}

func (c *temporalClient) DescribeWorkflow(_ context.Context, id, _ string) (*client.WorkflowExecutionDescription, error) {
	if c.filesErr != nil || id != filesWorkflow || c.files == enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED {
		return nil, cmp.Or(c.filesErr, error(serviceerror.NewNotFound("workflow not found for ID: "+id)))
	}
	return &client.WorkflowExecutionDescription{WorkflowExecutionMetadata: client.WorkflowExecutionMetadata{Status: c.files, WorkflowStartTime: c.filesAt}}, nil
}

func newClient(t *testing.T, signalErr, startErr error) *temporalClient {
	c := &temporalClient{Client: mocks.NewClient(t)}
	c.On("SignalWithStartWorkflow", mock.Anything, mock.Anything, workflows.SignalNotices, mock.Anything, mock.Anything, workflows.NotifyWorkflow, mock.Anything).
		Run(func(args mock.Arguments) {
			c.signalID = append(c.signalID, args.String(1))
			c.signals = append(c.signals, args.Get(3).([]workflows.AddressedNotice))
			c.started = append(c.started, args.Get(4).(client.StartWorkflowOptions))
		}).Return(nil, signalErr).Maybe()
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.OffloadFilesWorkflow, mock.Anything).
		Run(func(args mock.Arguments) {
			c.started = append(c.started, args.Get(1).(client.StartWorkflowOptions))
			c.inputs = append(c.inputs, args.Get(3))
		}).Return(nil, startErr).Maybe()
	return c
}

func newActivities(t *testing.T, config notice.Config) *notice.Activities {
	t.Helper()
	if config.Now == nil {
		config.Now = time.Now
	}
	made, err := notice.New(config)
	require.NoError(t, err)
	t.Cleanup(made.Close)
	return made
}

func handOff(t *testing.T, c client.Client, h workflows.HandOff) error {
	t.Helper()
	_, err := newActivities(t, notice.Config{Temporal: c}).HandOff(t.Context(), h)
	return err
}

func errorType(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Type()
	}
	return ""
}

func TestAHandOffSignalsTheNotifyWorkflowOfItsSource(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, nil)
	list := notices(3, 100)
	require.NoError(t, handOff(t, c, workflows.HandOff{Source: source, Notices: list}))
	require.Equal(t, [][]workflows.AddressedNotice{addressed(list)}, c.signals)
	require.Equal(t, []string{"notify/" + source}, c.signalID)
	require.Equal(t, []client.StartWorkflowOptions{{
		ID: "notify/" + source, TaskQueue: workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, StaticSummary: "Notices of " + source,
	}}, c.started)
}

func TestAHandOffStartsTheFilesOnce(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, nil)
	require.NoError(t, handOff(t, c, workflows.HandOff{Source: source, Files: files()}))
	require.Empty(t, c.signals)
	require.Equal(t, []any{*files()}, c.inputs)
	require.Equal(t, []client.StartWorkflowOptions{{
		ID: filesWorkflow, TaskQueue: workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, StaticSummary: "Files of case vendor_2048",
	}}, c.started)
}

// Temporal keeps the input of a start that it refuses, and no erasure finds it.
func TestARepeatedHandOffStartsTheFilesOnlyIfTheyFailedOrAreThoseOfAnEarlierEnd(t *testing.T) {
	t.Parallel()
	endedAt := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		status    enumspb.WorkflowExecutionStatus
		startedAt time.Time
		starts    int
	}{
		{enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, endedAt, 0},
		{enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, endedAt, 0},
		{enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, endedAt.Add(-1), 1},
		{enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, endedAt, 1},
		{enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, endedAt, 1},
	} {
		c := newClient(t, nil, nil)
		c.files, c.filesAt = row.status, row.startedAt
		of := files()
		of.EndedAt = endedAt
		require.NoError(t, handOff(t, c, workflows.HandOff{Source: source, Files: of}))
		require.Len(t, c.inputs, row.starts, "%+v", row)
	}
	away := newClient(t, nil, nil)
	away.filesErr = serviceerror.NewUnavailable("away")
	err := handOff(t, away, workflows.HandOff{Source: source, Files: files()})
	require.Empty(t, away.inputs)
	require.ErrorContains(t, err, "away")
	require.Empty(t, errorType(err), "it is repeated")
}

func TestAnEmptyHandOffMakesNoCall(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, nil)
	require.NoError(t, handOff(t, c, workflows.HandOff{Source: source}))
	require.Empty(t, c.Calls)
}

func TestManyBytesAreSentInSeveralSignalsInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ count, bytes, signals int }{
		{50, 100, 1}, {10, 200 << 10, 5}, {3, 600 << 10, 3}, {4, 100 << 10, 1}, {50, 60 << 10, 7},
	} {
		temporal := newClient(t, nil, nil)
		list := notices(c.count, c.bytes)
		require.NoError(t, handOff(t, temporal, workflows.HandOff{Source: source, Notices: list}))
		require.Len(t, temporal.signals, c.signals, "%+v", c)
		var sent []workflows.AddressedNotice
		for _, signal := range temporal.signals {
			text, err := json.Marshal(signal)
			require.NoError(t, err)
			require.True(t, len(text) <= 512<<10+100 || len(signal) == 1)
			sent = append(sent, signal...)
		}
		require.Equal(t, addressed(list), sent)
	}
}

func TestATooLargeNoticeIsSentWithoutItsDataAndSaysSo(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, nil)
	list := notices(3, 100)
	list[1] = notices(2, 3<<20)[1]
	require.NoError(t, handOff(t, c, workflows.HandOff{Source: source, Notices: list}))
	require.Len(t, c.signals, 1)
	sent := c.signals[0]
	require.Equal(t, addressed(list)[0], sent[0])
	require.Equal(t, addressed(list)[2], sent[2])
	require.Equal(t, "ntc_2", sent[1].ID)
	require.Zero(t, sent[1].Data)
	require.Greater(t, sent[1].OmittedBytes, 3<<20)
	require.NotNil(t, list[1].Data.Question, "the caller's notices are not changed")
}

func TestOnlyAnInvalidRequestEndsAHandOff(t *testing.T) {
	t.Parallel()
	invalid := serviceerror.NewInvalidArgument("blob size exceeds limit")
	away := serviceerror.NewUnavailable("away")
	both := workflows.HandOff{Source: source, Notices: notices(1, 100), Files: files()}
	long := strings.Repeat("a", 250)
	for name, c := range map[string]struct {
		signal, start error
		handOff       workflows.HandOff
		final         bool
	}{
		"signal invalid":           {invalid, nil, both, true},
		"start invalid":            {nil, invalid, both, true},
		"both invalid":             {invalid, invalid, both, true},
		"signal away":              {away, nil, both, false},
		"start away":               {nil, away, both, false},
		"signal away, start wrong": {away, invalid, both, false},
		"start away, signal wrong": {invalid, away, both, false},
		"not permitted":            {serviceerror.NewPermissionDenied("key", ""), nil, both, false},
		"namespace missing":        {serviceerror.NewNamespaceNotFound("x"), nil, both, false},
		"source too long":          {nil, nil, workflows.HandOff{Source: long, Notices: notices(1, 100)}, true},
		"reference too long":       {nil, nil, workflows.HandOff{Source: source, Files: &workflows.FilesStart{Reference: long}}, true},
		"odd data": {nil, nil, workflows.HandOff{Source: source, Notices: func() []workflows.PostedNotice {
			list := notices(1, 100)
			list[0].Data = workflows.NoticeData{Outcome: &workflows.CaseOutcome{Facts: workflows.CaseFacts{Result: json.RawMessage("{")}}}
			return list
		}()}, true},
	} {
		temporalClient := newClient(t, c.signal, c.start)
		err := handOff(t, temporalClient, c.handOff)
		require.Error(t, err, name)
		if c.final {
			require.IsType(t, &temporal.ApplicationError{}, err, "the SDK reads the outermost error")
		}
		require.Equal(t, c.final, errorType(err) == workflows.ErrTypeNoticeInvalid, "%s: %v", name, err)
		if c.handOff.Files != nil && c.handOff.Notices != nil {
			require.Len(t, temporalClient.signals, 1, "%s: each is tried, also if the other fails", name)
			require.Len(t, temporalClient.inputs, 1, name)
		}
	}
}
