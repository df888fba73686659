package notice_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/workflows"
)

// deliver runs one attempt as a worker does. before are the earlier attempts, from the last heartbeat.
func deliver(t *testing.T, config notice.Config, name string, d workflows.DeliverNotice, before ...workflows.NoticeDelivery) (workflows.NoticeDelivery, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	for _, attempts := range before {
		env.SetHeartbeatDetails(attempts)
	}
	newActivities(t, config).Register(env)
	value, err := env.ExecuteActivity(name, d)
	if err != nil {
		return workflows.NoticeDelivery{}, err
	}
	var delivery workflows.NoticeDelivery
	require.NoError(t, value.Get(&delivery))
	return delivery, nil
}

// requireFailure checks the type of an error, and that it carries the attempt.
func requireFailure(t *testing.T, err error, want string, words ...string) *temporal.ApplicationError {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, want, application.Type(), application.Message())
	require.Equal(t, want != workflows.ErrTypeNoticeUndelivered, application.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category(), "the SDK would log each attempt at ERROR")
	for _, word := range words {
		require.Contains(t, application.Message(), word)
	}
	var made workflows.NoticeDelivery
	require.NoError(t, application.Details(&made))
	require.Equal(t, 1, made.Attempts)
	last := made.Log[len(made.Log)-1]
	require.NotEmpty(t, last.Error)
	require.LessOrEqual(t, len(last.Error), 100)
	return application
}

func told(to workflows.Target) workflows.DeliverNotice {
	return workflows.DeliverNotice{Notice: notices(1, 100)[0].Notice, To: to}
}

// signalOnce signals the app; status is the status that Temporal then returns for it.
func signalOnce(t *testing.T, answer error, status enumspb.WorkflowExecutionStatus) (workflows.NoticeDelivery, error) {
	t.Helper()
	c := mocks.NewClient(t)
	d := told(app.Target())
	c.On("SignalWorkflow", mock.Anything, "app", "", "case-news", d.Notice).Return(answer).Once()
	var described *workflowservice.DescribeWorkflowExecutionResponse
	describeErr := error(serviceerror.NewNotFound("workflow not found"))
	if status != enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED {
		described, describeErr = &workflowservice.DescribeWorkflowExecutionResponse{
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: "app"}, Status: status},
		}, nil
	}
	c.On("DescribeWorkflowExecution", mock.Anything, "app", "").Return(described, describeErr).Maybe()
	return deliver(t, notice.Config{Temporal: c}, workflows.ActivityNoticeSignal, d)
}

func TestASignalDeliversTheNoticeWithoutItsTargets(t *testing.T) {
	t.Parallel()
	delivery, err := signalOnce(t, nil, 0)
	require.NoError(t, err)
	require.Equal(t, 1, delivery.Attempts)
	require.Len(t, delivery.Log, 1)
	require.Empty(t, delivery.Log[0].Error)
	require.False(t, delivery.Log[0].At.IsZero())
}

// outOfSignals is what the server answers for a run that has had its 10,000 signals.
var outOfSignals = serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events")

func TestASignalIsRetriedUnlessItCanNeverArrive(t *testing.T) {
	t.Parallel()
	notRunning := serviceerror.NewNotFound("workflow execution already completed")
	for name, c := range map[string]struct {
		answer error
		status enumspb.WorkflowExecutionStatus
		want   string
	}{
		"never ran":        {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, workflows.ErrTypeNoticeUndelivered},
		"runs by now":      {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, workflows.ErrTypeNoticeUndelivered},
		"continues as new": {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, workflows.ErrTypeNoticeUndelivered},
		"completed":        {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, workflows.ErrTypeNoticeReceiverEnded},
		"failed":           {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, workflows.ErrTypeNoticeReceiverEnded},
		"terminated":       {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, workflows.ErrTypeNoticeReceiverEnded},
		"timed out":        {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, workflows.ErrTypeNoticeReceiverEnded},
		"cancelled":        {notRunning, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, workflows.ErrTypeNoticeReceiverEnded},
		"away":             {serviceerror.NewUnavailable("away"), 0, workflows.ErrTypeNoticeUndelivered},
		"late":             {context.DeadlineExceeded, 0, workflows.ErrTypeNoticeUndelivered},
		"no namespace":     {serviceerror.NewNamespaceNotFound("x"), 0, workflows.ErrTypeNoticeUndelivered},
		"throttled":        {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow"), 0, workflows.ErrTypeNoticeUndelivered},
		"invalid":          {serviceerror.NewInvalidArgument("WorkflowId length exceeds limit"), 0, workflows.ErrTypeNoticeInvalid},
		"out of signals":   {outOfSignals, 0, workflows.ErrTypeNoticeUndelivered},
		"not permitted":    {serviceerror.NewPermissionDenied("no", ""), 0, workflows.ErrTypeNoticeInvalid},
		"a long story":     {errors.New(strings.Repeat("x<", 10_000)), 0, workflows.ErrTypeNoticeUndelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signalOnce(t, c.answer, c.status)
			failed := requireFailure(t, err, c.want, `workflow "app"`)
			require.LessOrEqual(t, workflows.JSONLen(failed.Message()), 500, "Temporal drops the details of a large error")
		})
	}
}

func TestAttemptsAreCarriedFromOneToTheNext(t *testing.T) {
	t.Parallel()
	var before workflows.NoticeDelivery
	for i := range 10 {
		before.Log = append(before.Log, workflows.NoticeAttempt{Status: 500 + i, Error: "it answered"})
	}
	before.Attempts = 10
	_, err := deliver(t, notice.Config{}, workflows.ActivityNoticePost, told(workflows.Target{Callback: "unknown"}), before)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var made workflows.NoticeDelivery
	require.NoError(t, application.Details(&made))
	require.Len(t, made.Log, workflows.MaxNoticeAttempts, "the newest")
	require.Equal(t, 501, made.Log[0].Status)
	require.Contains(t, made.Log[9].Error, "callbacks.unknown")
}

// A new configuration reaches the workers one after the other.
func TestATargetThatTheConfigurationLacksIsRetriedAtFirst(t *testing.T) {
	t.Parallel()
	handOver := told(workflows.Target{HandOver: true})
	handOver.Notice.Agent = "pages"
	for name, c := range map[string]struct {
		activity, says string
		d              workflows.DeliverNotice
	}{
		"callback":  {workflows.ActivityNoticePost, "set callbacks.finance", told(workflows.Target{Callback: "finance"})},
		"hand-over": {workflows.ActivityNoticeStart, "set agents.pages.handOver", handOver},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := deliver(t, notice.Config{}, c.activity, c.d)
			failed := requireFailure(t, err, workflows.ErrTypeNoticeUndelivered, c.says)
			require.Equal(t, 30*time.Second, failed.NextRetryDelay())

			later := func() time.Time { return time.Now().Add(20 * time.Minute) }
			_, err = deliver(t, notice.Config{Now: later}, c.activity, c.d)
			requireFailure(t, err, workflows.ErrTypeNoticeInvalid, c.says)
		})
	}
}

func TestAHandOverStartsAndSignalsTheAgentsWorkflow(t *testing.T) {
	t.Parallel()
	agents := map[string]notice.Agent{"pages": {HandOver: &workflows.HandOver{WorkflowType: "page", TaskQueue: "pages"}}}
	long := strings.Repeat("ä", 120)
	for name, c := range map[string]struct {
		agent, activation string
		answer            error
		want              string
	}{
		"runs":           {"pages", "act 1/a", nil, ""},
		"a long ID":      {"pages", long, nil, ""},
		"has ended":      {"pages", "act_1", serviceerror.NewWorkflowExecutionAlreadyStarted("closed", "", ""), workflows.ErrTypeNoticeReceiverEnded},
		"away":           {"pages", "act_1", serviceerror.NewUnavailable("away"), workflows.ErrTypeNoticeUndelivered},
		"out of signals": {"pages", "act_1", outOfSignals, workflows.ErrTypeNoticeUndelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporalClient := mocks.NewClient(t)
			d := told(workflows.Target{HandOver: true})
			d.Notice.Agent, d.Notice.ActivationID = c.agent, c.activation
			id := workflows.HandOverWorkflowID(c.agent, c.activation)
			require.LessOrEqual(t, len(id), workflows.MaxWorkflowIDBytes)
			require.True(t, strings.HasPrefix(id, c.agent+"/"))
			temporalClient.On("SignalWithStartWorkflow", mock.Anything, id, workflows.SignalAgentNotice, d.Notice,
				mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
					return o.ID == id && o.TaskQueue == "pages" && o.WorkflowIDReusePolicy == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE &&
						len(o.StaticSummary) < 400
				}), "page", workflows.HandOverStart{Agent: c.agent, ActivationID: c.activation}).Return(nil, c.answer).Maybe()
			_, err := deliver(t, notice.Config{Temporal: temporalClient, Agents: agents}, workflows.ActivityNoticeStart, d)
			if c.want == "" {
				require.NoError(t, err)
				temporalClient.AssertNumberOfCalls(t, "SignalWithStartWorkflow", 1)
				return
			}
			requireFailure(t, err, c.want)
		})
	}
}

func TestTheHandOffFindsTheTargetsThatTheConfigurationNames(t *testing.T) {
	t.Parallel()
	config := notice.Config{
		Accounts: map[string][]string{"default": {"finance", "audit"}},
		Agents: map[string]notice.Agent{
			"pages": {Notify: []string{"ops"}, HandOver: &workflows.HandOver{WorkflowType: "page", TaskQueue: "pages"}},
			"quiet": {},
		},
	}
	callback := func(name string) workflows.Target { return workflows.Target{Callback: name} }
	over := workflows.Target{HandOver: true}
	for name, c := range map[string]struct {
		h       workflows.HandOff
		replyTo *workflows.ReplyTo
		notify  []string
		want    []workflows.Target
	}{
		"an account's defaults":      {workflows.HandOff{Account: "default"}, nil, nil, []workflows.Target{callback("finance"), callback("audit")}},
		"defaults beside replyTo":    {workflows.HandOff{Account: "default"}, &app, nil, []workflows.Target{app.Target(), callback("finance"), callback("audit")}},
		"a start that names some":    {workflows.HandOff{Account: "default"}, nil, []string{"other", "other"}, []workflows.Target{callback("other")}},
		"an account without":         {workflows.HandOff{Account: "other"}, nil, nil, nil},
		"an agent's":                 {workflows.HandOff{Agent: "pages"}, nil, nil, []workflows.Target{callback("ops"), over}},
		"an approval that names":     {workflows.HandOff{Agent: "pages"}, &app, []string{"finance"}, []workflows.Target{app.Target(), callback("finance"), over}},
		"an agent that names none":   {workflows.HandOff{Agent: "quiet"}, nil, nil, nil},
		"an agent unknown for long":  {workflows.HandOff{Agent: "new"}, &app, nil, []workflows.Target{app.Target()}},
		"an agent like an account":   {workflows.HandOff{Agent: "default"}, nil, nil, nil},
		"a callback that is unknown": {workflows.HandOff{Agent: "quiet"}, nil, []string{"unknown"}, []workflows.Target{callback("unknown")}},
		"the same for all notices":   {workflows.HandOff{Account: "default"}, &app, []string{"a"}, []workflows.Target{app.Target(), callback("a")}},
		"an account, and no agent":   {workflows.HandOff{Account: "pages"}, nil, nil, nil},
		"replyTo alone, no account":  {workflows.HandOff{}, &app, nil, []workflows.Target{app.Target()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporalClient := newClient(t, nil, nil)
			config := config
			config.Temporal = temporalClient
			n := notices(1, 100)[0]
			n.ReplyTo, n.Notify = c.replyTo, c.notify
			c.h.Source, c.h.Notices = source, []workflows.PostedNotice{n}
			result, err := handOffAsWorker(t, config, c.h)
			require.NoError(t, err)
			if c.want == nil {
				require.Equal(t, []string{n.ID}, result.WithoutTarget)
				require.Empty(t, temporalClient.Calls, "no call is made")
				return
			}
			require.Empty(t, result.WithoutTarget)
			require.Equal(t, [][]workflows.AddressedNotice{{{Notice: n.Notice, To: c.want}}}, temporalClient.signals)
		})
	}
}

// handOffAsWorker runs a hand-off as a worker does.
func handOffAsWorker(t *testing.T, config notice.Config, h workflows.HandOff) (result workflows.HandOffResult, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	newActivities(t, config).Register(env)
	value, err := env.ExecuteActivity(workflows.ActivityNoticeHandOff, h)
	if err == nil {
		require.NoError(t, value.Get(&result))
	}
	return result, err
}

// A new agent reaches the workers one after the other, as a new callback does.
func TestAHandOffOfAnAgentThatTheConfigurationLacksIsRepeatedAtFirst(t *testing.T) {
	t.Parallel()
	list := notices(2, 100)
	list[0].ReplyTo = nil
	h := workflows.HandOff{Source: source, Agent: "new", Notices: list}
	for name, c := range map[string]struct {
		age     time.Duration // of the first notice; the second is a minute younger
		repeats bool
	}{
		"new":                          {2 * time.Minute, true},
		"almost 15 minutes old":        {15*time.Minute - time.Second, true},
		"the oldest is 15 minutes old": {15 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := h
			h.Notices = slices.Clone(list)
			h.Notices[1].Time = list[0].Time.Add(time.Minute)
			temporalClient := newClient(t, nil, nil)
			now := func() time.Time { return list[0].Time.Add(c.age) }
			result, err := handOffAsWorker(t, notice.Config{Temporal: temporalClient, Now: now}, h)
			if !c.repeats {
				require.Equal(t, [][]workflows.AddressedNotice{addressed(h.Notices[1:])}, temporalClient.signals)
				require.NoError(t, err)
				require.Equal(t, []string{"ntc_1"}, result.WithoutTarget)
				return
			}
			require.Empty(t, temporalClient.signals, "or a notice would be delivered again with each repetition")
			require.ErrorContains(t, err, "add agents.new to its --config file")
			require.NotEqual(t, workflows.ErrTypeNoticeInvalid, errorType(err), "it is repeated")
		})
	}
}
