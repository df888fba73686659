package clienttest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	// stubQueue is the task queue of the stubs.
	stubQueue = "stubs"
	// waitTimeout bounds every wait. An activity that the server loses is repeated only after its whole time, which is a minute for some.
	waitTimeout = 5 * time.Minute
)

// shared is the server of all tests.
var (
	server *temporaldev.Server
	shared client.Client
	apps   *signalbox.Client
)

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (code int, err error) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dynamic := map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond}
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" {
		dynamic[temporaldev.VisibilityRPS] = temporaldev.ManyLists // the benchmark measures the lists, not the limit
	}
	server, err = temporaldev.Start(ctx, temporaldev.Options{SearchAttributes: worker.SearchAttributes(), DynamicConfig: dynamic})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if shared, err = server.Dial(ctx, payloadtest.Apply); err != nil {
		return 1, err
	}
	defer shared.Close()
	if apps, err = signalbox.New(shared, signalbox.Options{}); err != nil {
		return 1, err
	}
	stubs := sdkworker.New(shared, stubQueue, sdkworker.Options{})
	for _, name := range []string{workflows.OffloadCaseWorkflow, workflows.ArtmailActivationWorkflow, workflows.NotifyWorkflow} {
		stubs.RegisterWorkflowWithOptions(stub, workflow.RegisterOptions{Name: name})
	}
	if err := stubs.Start(); err != nil {
		return 1, err
	}
	defer stubs.Stop()
	return m.Run(), nil
}

var names atomic.Int64

// unique returns a name that no other test has: the server outlives each round of -count, and so do its workflows.
func unique(name string) string {
	return fmt.Sprintf("%s-%d-%d", name, time.Now().UnixNano(), names.Add(1))
}

// stub is a workflow that shows what it is given, and does what signals say: "end", "again" and "fail".
func stub(ctx workflow.Context, shows stubState) (string, error) {
	err := workflow.SetQueryHandler(ctx, workflows.QueryState, func() (any, error) {
		return shows.Query, nil
	})
	if err != nil {
		return "", err
	}
	err = workflow.SetUpdateHandler(ctx, workflows.UpdateResend, func(_ workflow.Context, in workflows.SelectNotices) (workflows.NoticesSelected, error) {
		if state, ok := shows.Query.(map[string]any); ok {
			said, _ := state["waitingFor"].(string)
			state["waitingFor"] = fmt.Sprintf("%s%s resends %v; ", said, in.By, in.IDs)
		}
		return workflows.NoticesSelected{Notices: len(in.IDs)}, nil
	})
	if err != nil {
		return "", err
	}
	var end, again, fail bool
	for !end && !again && !fail {
		selector := workflow.NewSelector(ctx)
		for name, flag := range map[string]*bool{"end": &end, "again": &again, "fail": &fail} {
			selector.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
				c.Receive(ctx, nil)
				*flag = true
			})
		}
		selector.Select(ctx)
	}
	switch {
	case again:
		return "", workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, shows)
	case fail:
		return "", temporal.NewNonRetryableApplicationError("told to", "Told", nil)
	}
	return "ended", nil
}

type stubState struct {
	// Query is what the query "state" answers.
	Query any
	// State, Attention, Account, CaseID and DueAt are the search attributes.
	State, Account, CaseID string
	Attention              []string
	DueAt                  time.Time
}

func startStub(t *testing.T, workflowType, workflowID string, shows stubState) {
	t.Helper()
	require.NoError(t, begin(t.Context(), workflowType, workflowID, shows))
}

func begin(ctx context.Context, workflowType, workflowID string, shows stubState) error {
	var attributes []temporal.SearchAttributeUpdate
	keyword := func(name, value string) {
		if value != "" {
			attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(name).ValueSet(value))
		}
	}
	keyword(workflows.SearchAttributeState, shows.State)
	keyword(workflows.SearchAttributeAccount, shows.Account)
	keyword(workflows.SearchAttributeCaseID, shows.CaseID)
	if len(shows.Attention) > 0 {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention).ValueSet(shows.Attention))
	}
	if !shows.DueAt.IsZero() {
		attributes = append(attributes, temporal.NewSearchAttributeKeyTime(workflows.SearchAttributeDueAt).ValueSet(shows.DueAt))
	}
	_, err := stories.Retry(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return shared.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: workflowID, TaskQueue: stubQueue, TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
		}, workflowType, shows)
	})
	return err
}

// startStubOf starts a workflow of another task queue.
func startStubOf(t *testing.T, workflowType, workflowID, queue string, input any) {
	t.Helper()
	stories.Execute(t, shared, client.StartWorkflowOptions{ID: workflowID, TaskQueue: queue}, workflowType, input)
}

func signalStub(t *testing.T, workflowID, name string) {
	t.Helper()
	stories.Signal(t, shared, workflowID, name, nil)
}

func countRequest(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Query: query}
}
