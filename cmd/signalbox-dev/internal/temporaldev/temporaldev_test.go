package temporaldev_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
)

const (
	taskQueue   = "temporaldev-test"
	waitTimeout = 5 * time.Minute
)

var (
	stateKey     = temporal.NewSearchAttributeKeyKeyword("TestState")
	attentionKey = temporal.NewSearchAttributeKeyKeywordList("TestAttention")

	testAttributes = map[string]enumspb.IndexedValueType{
		"TestState":     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"TestAttention": enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
	}

	// shared is the in-memory server of all tests that need not start another.
	shared *temporaldev.Server
)

func TestMain(m *testing.M) {
	var err error
	shared, err = temporaldev.Start(context.Background(), temporaldev.Options{
		SearchAttributes: testAttributes,
		UIAddr:           "127.0.0.1:0",
		DynamicConfig:    map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the shared server:", err)
		os.Exit(1)
	}
	code := m.Run()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the shared server:", err)
		code = 1
	}
	os.Exit(code)
}

// collect gathers the named number of signals and returns them in their order.
func collect(ctx workflow.Context, count int) ([]string, error) {
	var got []string
	for len(got) < count {
		var word string
		workflow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
		got = append(got, word)
	}
	return got, nil
}

// upsert changes a search attribute, which is where the history service reads the namespace's attributes.
func upsert(ctx workflow.Context) error {
	return workflow.UpsertTypedSearchAttributes(ctx, stateKey.ValueSet("CHANGED"), attentionKey.ValueSet([]string{"a", "b"}))
}

func dial(t *testing.T, s *temporaldev.Server) client.Client {
	t.Helper()
	c, err := s.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func runWorker(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, taskQueue, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflow(collect)
	w.RegisterWorkflow(upsert)
	require.NoError(t, w.Start())
	return w
}

// freeAddress is one that nothing else takes between a server's end and what comes after it.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := setting.FreeAddress()
	require.NoError(t, err)
	return address
}

func start(t *testing.T, opts temporaldev.Options) *temporaldev.Server {
	t.Helper()
	s, err := temporaldev.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func TestWorkflowWithSearchAttributesStartsAtOnce(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := start(t, temporaldev.Options{SearchAttributes: testAttributes, Namespace: "at-once"})
	ready := time.Since(began)
	c := dial(t, s)

	run := stories.Execute(t, c, client.StartWorkflowOptions{
		ID: "at-once", TaskQueue: taskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(stateKey.ValueSet("NEW")),
	}, upsert)

	w := runWorker(t, c)
	defer w.Stop()
	require.NoError(t, run.Get(t.Context(), nil))
	require.Less(t, ready, time.Minute, "starting in memory takes about a second")
	requireListed(t, c, "TestState = 'CHANGED' AND TestAttention = 'b'", 1)
}

func requireListed(t *testing.T, c client.Client, query string, want int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		count, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && count.Count == want
	}, waitTimeout, 20*time.Millisecond)
}

func TestNamespaceKeepsClosedWorkflowsForThirtyDays(t *testing.T) {
	t.Parallel()
	c := dial(t, shared)
	namespace := stories.MustRetry(t, func(ctx context.Context) (*workflowservice.DescribeNamespaceResponse, error) {
		return c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: shared.Namespace()})
	})
	require.Equal(t, "default", shared.Namespace())
	require.Equal(t, 30*24*time.Hour, namespace.Config.WorkflowExecutionRetentionTtl.AsDuration())
}

func TestUIAnswersAndShowsTheNamespace(t *testing.T) {
	t.Parallel()
	httpClient := &http.Client{Timeout: waitTimeout}
	for _, path := range []string{"/", "/namespaces/default/workflows", "/api/v1/namespaces/default"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.UIURL()+path, nil)
		require.NoError(t, err)
		resp, err := httpClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, path)
	}
}

func TestARunningWorkflowAndItsSignalsSurviveARestart(t *testing.T) {
	t.Parallel()
	opts := temporaldev.Options{DatabaseFile: filepath.Join(t.TempDir(), "temporal.db"), SearchAttributes: testAttributes}
	opts.FrontendAddr = freeAddress(t)
	first := start(t, opts)
	// The client lives through the restart, as the worker's and the relay's do.
	c := dial(t, first)
	run := stories.Execute(t, c, client.StartWorkflowOptions{ID: "outlives", TaskQueue: taskQueue}, collect, 3)
	w := runWorker(t, c)
	signal(t, c, run.GetID(), "one")
	w.Stop()
	signal(t, c, run.GetID(), "two")
	require.NoError(t, first.Stop())

	start(t, opts)
	signal(t, c, run.GetID(), "three")
	w = runWorker(t, c)
	defer w.Stop()
	var got []string
	require.NoError(t, run.Get(t.Context(), &got))
	require.Equal(t, []string{"one", "two", "three"}, got)
}

// signal sends a word once, however often Temporal is asked to.
func signal(t *testing.T, c client.Client, workflowID, word string) {
	t.Helper()
	input, err := converter.GetDefaultDataConverter().ToPayloads(word)
	require.NoError(t, err)
	stories.MustRetry(t, func(ctx context.Context) (*workflowservice.SignalWorkflowExecutionResponse, error) {
		return c.WorkflowService().SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: client.DefaultNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID},
			SignalName: "word", Input: input, RequestId: word,
		})
	})
}

func TestMissingSearchAttributesAreAddedAndUsableAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	before := start(t, temporaldev.Options{
		DatabaseFile:     file,
		SearchAttributes: map[string]enumspb.IndexedValueType{"TestState": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	stories.Execute(t, dial(t, before), client.StartWorkflowOptions{
		ID: "kept", TaskQueue: taskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(stateKey.ValueSet("OLD")),
	}, upsert)
	require.NoError(t, before.Stop())

	c := dial(t, start(t, temporaldev.Options{DatabaseFile: file, SearchAttributes: testAttributes}))
	stories.Execute(t, c, client.StartWorkflowOptions{
		ID: "added", TaskQueue: taskQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(attentionKey.ValueSet([]string{"look"})),
	}, upsert)
	requireListed(t, c, "TestState = 'OLD'", 1)
	requireListed(t, c, "TestAttention = 'look'", 1)
}

func TestSearchAttributeOfAnotherTypeIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, start(t, temporaldev.Options{DatabaseFile: file, SearchAttributes: testAttributes}).Stop())

	_, err := temporaldev.Start(t.Context(), temporaldev.Options{
		DatabaseFile:     file,
		SearchAttributes: map[string]enumspb.IndexedValueType{"TestState": enumspb.INDEXED_VALUE_TYPE_INT},
	})
	require.ErrorContains(t, err, "search attribute TestState exists as Keyword, wanted as Int")
}

func TestATakenAddressIsAnErrorAndDoesNotEndTheProcess(t *testing.T) {
	t.Parallel()
	_, err := temporaldev.Start(t.Context(), temporaldev.Options{FrontendAddr: shared.FrontendAddr()})
	require.ErrorContains(t, err, "--temporal: another process listens on "+shared.FrontendAddr())
}

func TestServersInOneProcessDoNotShareTheirMemory(t *testing.T) {
	t.Parallel()
	c := dial(t, start(t, temporaldev.Options{}))
	stories.Execute(t, dial(t, shared), client.StartWorkflowOptions{ID: "mine", TaskQueue: taskQueue}, collect, 1)
	_, err := stories.Retry(t.Context(), func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return c.DescribeWorkflowExecution(ctx, "mine", "")
	})
	var notFound *serviceerror.NotFound
	require.ErrorAs(t, err, &notFound)
}

// Not parallel: it counts the goroutines of the whole process.
func TestStopFreesPortsGoroutinesAndFileWithinAMinute(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.db")
	opts := temporaldev.Options{DatabaseFile: file, FrontendAddr: freeAddress(t), UIAddr: freeAddress(t)}
	goroutines := runtime.NumGoroutine()
	s := start(t, opts)
	c := dial(t, s)
	w := runWorker(t, c)
	stories.Execute(t, c, client.StartWorkflowOptions{ID: "open", TaskQueue: taskQueue}, collect, 1)
	running := runtime.NumGoroutine() - goroutines

	began := time.Now()
	require.NoError(t, s.Stop(), "with a worker that still polls")
	require.Less(t, time.Since(began), time.Minute)
	w.Stop()
	c.Close()

	for _, addr := range []string{s.FrontendAddr(), s.UIURL()[len("http://"):]} {
		listener, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
	require.Eventually(t, func() bool {
		return (runtime.NumGoroutine()-goroutines)*2 < running
	}, waitTimeout, 50*time.Millisecond, "of %d goroutines half at most may remain: the shared server has its own, which come and go", running)
	requireExclusive(t, file)
}

// requireExclusive waits until no other connection has the file open.
func requireExclusive(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=locking_mode=exclusive&_pragma=busy_timeout=0")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	require.Eventually(t, func() bool {
		_, err := db.ExecContext(t.Context(), "PRAGMA user_version = 0")
		return err == nil
	}, waitTimeout, 100*time.Millisecond)
}
