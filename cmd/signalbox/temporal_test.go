package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const apiKey = "art_key_1"

// newKeys makes a key document and returns the variable that names it.
func newKeys(t *testing.T) (*keyring.Ring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	ring, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	return ring, "SIGNALBOX_KEYRING=" + path
}

// answering is a Temporal whose activation w9/a1 is in the state; every other activation is not there.
func answering(t *testing.T, state workflows.ActivationState) func(context.Context, client.Options) (client.Client, error) {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(state)
	require.NoError(t, err)
	server := &mocks.Client{}
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(asksFor(workflows.ArtmailActivationWorkflowID("w9", "a1")))).
		Return(&client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(payloads)}, nil)
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewNotFound("no such workflow"))
	server.On("Close")
	return func(context.Context, client.Options) (client.Client, error) { return server, nil }
}

// answeringCase is a Temporal whose case has the state; every other workflow is not there.
func answeringCase(t *testing.T, state workflows.CaseState) func(context.Context, client.Options) (client.Client, error) {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(state)
	require.NoError(t, err)
	server := &mocks.Client{}
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(asksFor(workflows.OffloadCaseWorkflowID(state.Reference)))).
		Return(&client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(payloads)}, nil)
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewNotFound("no such workflow"))
	server.On("Close")
	return func(context.Context, client.Options) (client.Client, error) { return server, nil }
}

// asksFor tells the query "state" of a workflow from others.
func asksFor(workflowID string) func(*client.QueryWorkflowWithOptionsRequest) bool {
	return func(r *client.QueryWorkflowWithOptionsRequest) bool {
		return r.WorkflowID == workflowID && r.QueryType == workflows.QueryState
	}
}

func TestAWorkflowThatIsClosedWithoutAResultHasItsOwnExitStatus(t *testing.T) {
	t.Parallel()
	for status, exit := range map[enumspb.WorkflowExecutionStatus]int{
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: 7,
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  8,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     9,
	} {
		server := &mocks.Client{}
		server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).
			Return(&client.QueryWorkflowWithOptionsResponse{QueryRejected: &querypb.QueryRejected{Status: status}}, nil)
		server.On("Close")
		dial := func(context.Context, client.Options) (client.Client, error) { return server, nil }
		for _, c := range []struct {
			args       []string
			workflowID string
		}{
			{[]string{"case", "show", "vendor_2048"}, "offload-case/vendor_2048"},
			{[]string{"case", "show", "vendor_2048", "--json"}, "offload-case/vendor_2048"},
			{[]string{"case", "answer", "vendor_2048", "--text", "Yes."}, "offload-case/vendor_2048"},
			{[]string{"activation", "show", "w9", "a1"}, "artmail-activation/w9/a1"},
			{[]string{"approval", "list", "w9", "a1"}, "artmail-activation/w9/a1"},
		} {
			got := commandWith(t, nil, dial, c.args...)
			require.Equal(t, exit, got.status, "%v: %s", c.args, got.err)
			require.Contains(t, got.err, c.workflowID)
			require.Contains(t, got.err, "reset the workflow there")
			require.Empty(t, got.out)
		}
	}
}

func activationState(t *testing.T, ring *keyring.Ring) workflows.ActivationState {
	t.Helper()
	sealed, err := ring.Seal([]byte(apiKey), workflows.APIKeyContext("w9", "a1")...)
	require.NoError(t, err)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return workflows.ActivationState{
		Agent: "w9", ActivationID: "a1", Status: "ACTIVE", SealedAPIKey: sealed,
		User:    &workflows.ActivationUser{ID: "u1", Email: "pat@example.com"},
		Options: workflows.ActivationOptions{CheckApprovalQueue: "w9-agent"}.Normalized(),
		Approvals: []workflows.Approval{
			{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m1", Subject: "may I?"}, Status: "PENDING", RequestedAt: at},
			{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m2"}, Status: "APPROVED", RequestedAt: at, ClosedAt: at},
		},
	}
}

func TestARevealedKeyIsAllOnStandardOutputAndTheRecordHasAllButTheKey(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	temporal := answering(t, activationState(t, d.keys))
	got := commandWith(t, append(d.environ, "SUDO_USER=alice"), temporal, "keys", "reveal", "w9", "a1")
	require.Zero(t, got.status, got.err)
	require.Equal(t, apiKey+"\n", got.out)
	for _, s := range []string{"revealed", "w9", "a1", "(sudo by alice)"} {
		require.Contains(t, got.err, s)
	}
	require.NotContains(t, got.err, apiKey)
	entries := d.audited(t)
	require.Len(t, entries, 1)
	require.Equal(t, "reveal", entries[0].Action)
	require.Equal(t, "API key of artmail-activation/w9/a1", entries[0].Subject)
	require.Contains(t, entries[0].Who, "(sudo by alice)")

	got = commandWith(t, d.environ, temporal, "keys", "reveal", "w9", "a1", "--by", "ada")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.err, `"by":"ada"`)
	require.Equal(t, "ada", d.audited(t)[0].Who)
}

func TestAKeyIsNotRevealedWhereTheInboxThatIsNamedCantRecordIt(t *testing.T) {
	t.Parallel()
	ring, keys := newKeys(t)
	temporal := answering(t, activationState(t, ring))
	for inbox, status := range map[string]int{filepath.Join(t.TempDir(), "none.db"): 2, "postgres://u:hunter2@127.0.0.1:1/d": 6} {
		got := commandWith(t, []string{keys, "SIGNALBOX_INBOX=" + inbox}, temporal, "keys", "reveal", "w9", "a1")
		require.Equal(t, status, got.status, got.err)
		require.Empty(t, got.out)
		require.Contains(t, got.err, "no key is printed")
		require.NotContains(t, got.err, "hunter2")
	}
	got := commandWith(t, []string{keys}, temporal, "keys", "reveal", "w9", "a1")
	require.Equal(t, apiKey+"\n", got.out, "no inbox is named")
	require.Contains(t, got.err, "the only record")
}

func TestAKeyThatCantBeRevealedIsToldApart(t *testing.T) {
	t.Parallel()
	ring, keys := newKeys(t)
	_, otherKeys := newKeys(t)
	state := activationState(t, ring)
	gone := state
	gone.SealedAPIKey = nil
	for name, c := range map[string]struct {
		environ []string
		state   workflows.ActivationState
		args    []string
		status  int
	}{
		"no keyring":      {nil, state, []string{"w9", "a1"}, 2},
		"other keyring":   {[]string{otherKeys}, state, []string{"w9", "a1"}, 1},
		"no activation":   {[]string{keys}, state, []string{"w9", "a2"}, 3},
		"key is gone":     {[]string{keys}, gone, []string{"w9", "a1"}, 3},
		"no activationId": {[]string{keys}, state, []string{"w9"}, 2},
	} {
		got := commandWith(t, c.environ, answering(t, c.state), append([]string{"keys", "reveal"}, c.args...)...)
		require.Equal(t, c.status, got.status, "%s: %s", name, got.err)
		require.Empty(t, got.out, name)
		require.NotContains(t, got.err, "revealed", name)
	}
}

func TestAnActivationIsShownWithoutItsKeyAndUser(t *testing.T) {
	t.Parallel()
	ring, _ := newKeys(t)
	temporal := answering(t, activationState(t, ring))
	for _, form := range [][]string{nil, {"--json"}} {
		got := commandWith(t, nil, temporal, append([]string{"activation", "show", "w9", "a1"}, form...)...)
		require.Zero(t, got.status, got.err)
		require.Contains(t, got.out, "ACTIVE")
		require.Contains(t, got.out, "w9-agent", "the options in force")
		require.NotContains(t, got.out, "pat@example.com")
		require.NotContains(t, got.out, "sealedApiKey")
		got = commandWith(t, nil, temporal, append([]string{"activation", "show", "w9", "a1", "--user"}, form...)...)
		require.Contains(t, got.out, "pat@example.com")
	}
	require.Regexp(t, `open approvals +1\n`, commandWith(t, nil, temporal, "activation", "show", "w9", "a1").out)
	require.Equal(t, 3, commandWith(t, nil, temporal, "activation", "show", "w9", "a2").status)
}

func TestApprovalsAreListed(t *testing.T) {
	t.Parallel()
	ring, _ := newKeys(t)
	temporal := answering(t, activationState(t, ring))
	got := commandWith(t, nil, temporal, "approval", "list", "w9", "a1")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.out, "m1")
	require.Contains(t, got.out, "m2")
	got = commandWith(t, nil, temporal, "approval", "list", "w9", "a1", "--open", "open", "--json")
	require.Contains(t, got.out, "m1")
	require.NotContains(t, got.out, "m2")
}

func TestASentWebhookIsWhatAProviderWouldSend(t *testing.T) {
	t.Parallel()
	var last *http.Request
	var body []byte
	answer := http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(answer)
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	fixture, settings := filepath.Join(folder, "body.json"), filepath.Join(folder, "s.yaml")
	require.NoError(t, os.WriteFile(fixture, []byte(`{"event": "test.ping"}`), 0o600))
	require.NoError(t, os.WriteFile(settings, []byte("agents: {w9: {secrets: [new, old]}}"), 0o600))
	ring, keys := newKeys(t)
	environ := []string{keys, "SIGNALBOX_CONFIG=" + settings, "SIGNALBOX_PUBLIC_URL=" + server.URL}

	got := command(t, environ, "webhook", "send", "-f", fixture, "--agent", "w9")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.out, "204")
	require.Equal(t, "/webhooks/artmail/w9", last.URL.Path)
	secrets, err := hook.NewSecrets("new")
	require.NoError(t, err)
	require.NoError(t, artmail.Verify(body, last.Header.Values(artmail.SignatureHeader), secrets))

	got = command(t, environ, "webhook", "send", "-f", fixture, "--reference", "vendor_1")
	require.Zero(t, got.status, got.err)
	require.Equal(t, workflows.OffloadWebhookPath("vendor_1", ring.Token(workflows.OffloadTokenContext("vendor_1")...)), last.URL.Path)
	require.Empty(t, last.Header.Get(artmail.SignatureHeader))

	answer = http.StatusUnauthorized
	got = command(t, environ, "webhook", "send", "-f", fixture, "--url", server.URL+"/secret-token")
	require.Equal(t, 1, got.status)
	require.Contains(t, got.err, "401")
	server.Close()
	got = command(t, environ, "webhook", "send", "-f", fixture, "--url", server.URL+"/secret-token")
	require.Equal(t, 6, got.status)
	require.NotContains(t, got.err, "secret-token")

	got = command(t, environ, "webhook", "send", "-f", fixture, "--agent", "nobody")
	require.Contains(t, got.err, `the --config file has no secret for "nobody"`)
	got = command(t, []string{keys}, "webhook", "send", "-f", fixture, "--agent", "w9")
	require.Contains(t, got.err, "--agent: name --config (SIGNALBOX_CONFIG), the file with the agent's secret")

	for _, wrong := range [][]string{
		nil,
		{"-f", fixture + ".none", "--agent", "w9"},
		{"-f", fixture, "--agent", "nobody"},
		{"-f", fixture, "--agent", "w9", "--reference", "vendor_1"},
		{"-f", fixture, "--reference", "vendor_1", "--url", server.URL},
		{"-f", fixture},
	} {
		require.Equal(t, 2, command(t, environ, append([]string{"webhook", "send"}, wrong...)...).status, "%v", wrong)
	}
}

// namespace is a Temporal with one namespace.
type namespace struct {
	workflowservice.WorkflowServiceClient
	operatorservice.OperatorServiceClient
	retention  time.Duration
	attributes map[string]enumspb.IndexedValueType
	unpolled   string // a task queue without a worker
}

func (n namespace) DescribeTaskQueue(_ context.Context, request *workflowservice.DescribeTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	answer := &workflowservice.DescribeTaskQueueResponse{}
	if request.TaskQueue.Name != n.unpolled {
		// It is the worker of some version.
		answer.Pollers = []*taskqueuepb.PollerInfo{{DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "signalbox", BuildId: "b1"}}}
	}
	return answer, nil
}

func (n namespace) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(n.retention)}}, nil
}

func (n namespace) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: n.attributes}, nil
}

func (n namespace) dial(context.Context, client.Options) (client.Client, error) {
	server := &mocks.Client{}
	server.On("WorkflowService").Return(n)
	server.On("OperatorService").Return(n)
	server.On("CountWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.CountWorkflowExecutionsResponse{}, nil)
	server.On("Close")
	return server, nil
}

func TestACommandThatTimesOutHasStatus6(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context, _ client.Options) (client.Client, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	starting := func(context.Context, client.Options) (client.Client, error) {
		server := &mocks.Client{}
		server.On("OperatorService").Return(namespace{attributes: worker.SearchAttributes()})
		server.On("CountWorkflow", mock.Anything, mock.Anything).Return(nil, serviceerror.NewInvalidArgument("no such attribute"))
		server.On("Close")
		return server, nil
	}
	for line, dial := range map[string]func(context.Context, client.Options) (client.Client, error){
		"setup --timeout 1ms":                            silent,
		"setup --timeout 2ms":                            starting,
		"worker versions set-current b1 --timeout 1ms":   silent,
		"worker versions set-ramping b1 5 --timeout 1ms": silent,
	} {
		got := commandWith(t, nil, dial, strings.Fields(line)...)
		require.Equal(t, 6, got.status, "%s: %s", line, got.err)
	}
}

func TestACommandWhoseKeyTemporalRefusesHasStatus2(t *testing.T) {
	t.Parallel()
	for _, refused := range []error{
		serviceerror.NewPermissionDenied("Request unauthorized.", ""), status.Error(codes.Unauthenticated, "no such key"),
	} {
		atOnce := func(context.Context, client.Options) (client.Client, error) {
			return nil, fmt.Errorf("failed reaching server: %w", refused)
		}
		later := func(context.Context, client.Options) (client.Client, error) {
			server := &mocks.Client{}
			server.On("QueryWorkflowWithOptions", mock.Anything, mock.Anything).Return(nil, refused)
			server.On("OperatorService").Return(refusing{err: refused})
			server.On("Close")
			return server, nil
		}
		for name, dial := range map[string]func(context.Context, client.Options) (client.Client, error){"at once": atOnce, "later": later} {
			for _, line := range []string{"case show x", "setup --timeout 5ms"} {
				got := commandWith(t, nil, dial, strings.Fields(line)...)
				require.Equal(t, 2, got.status, "%s, %s: %s", line, name, got.err)
				require.NotContains(t, got.err, signalbox.ErrUnavailable.Error())
			}
		}
	}
}

// refusing is a Temporal that does not accept the key.
type refusing struct {
	operatorservice.OperatorServiceClient
	err error
}

func (r refusing) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return nil, r.err
}

func TestTheDoctorReportsEveryCheck(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	complete := []string{keys, "SIGNALBOX_PUBLIC_URL=https://h.example.com", "SIGNALBOX_OFFLOAD_BASE_URL=https://o.example.com", "SIGNALBOX_OFFLOAD_API_KEY=offload-secret"}
	unmade := filepath.Join(t.TempDir(), "files")
	good := namespace{retention: minRetention, attributes: worker.SearchAttributes()}
	short, bare := good, good
	short.retention = 24 * time.Hour
	bare.attributes = nil
	workerless, fileless := good, good
	workerless.unpolled, fileless.unpolled = workflows.TaskQueueWorkflows, workflows.TaskQueueFiles
	away := func(context.Context, client.Options) (client.Client, error) { return nil, errors.New("nobody there") }
	type dial = func(context.Context, client.Options) (client.Client, error)
	for name, c := range map[string]struct {
		environ []string
		dial    dial
		args    []string
		status  int
		says    []string
	}{
		"all is well":             {complete, good.dial, nil, 0, []string{`ok +settings`, `ok +keyring`, `ok +temporal`, `ok +search attributes`, `ok +retention +30 days`}},
		"retention is short":      {complete, short.dial, nil, 1, []string{`ok +search attributes`, `FAILED +retention .*1 days.*30 days`}},
		"no attributes":           {complete, bare.dial, nil, 1, []string{`FAILED +search attributes .*signalbox setup`, `ok +retention`}},
		"Temporal is away":        {complete, away, nil, 1, []string{`ok +settings`, `FAILED +temporal .*nobody there`, `FAILED +search attributes +not checked`, `FAILED +retention +not checked`, `FAILED +workers +not checked`}},
		"workers run":             {complete, good.dial, nil, 0, []string{`ok +workers +poll every task queue`}},
		"no worker runs":          {complete, workerless.dial, []string{"ingress"}, 1, []string{"FAILED +workers .*no worker polls the task queue signalbox: start one with `signalbox worker` or `serve`"}},
		"no worker stores files":  {complete, fileless.dial, nil, 1, []string{"FAILED +workers .*no worker polls the task queue signalbox-files: "}},
		"the version":             {complete, good.dial, nil, 0, []string{`^ok +version +\S+\n`}},
		"nothing is set":          {nil, good.dial, nil, 1, []string{`FAILED +settings .*SIGNALBOX_KEYRING.*SIGNALBOX_PUBLIC_URL`, `FAILED +keyring`, `ok +temporal`}},
		"only what a part needs":  {[]string{keys}, good.dial, []string{"ingress"}, 0, []string{`ok +settings`}},
		"traces are off":          {complete, good.dial, nil, 0, []string{`ok +traces +off`}},
		"traces are sent":         {append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://ada:offload-secret@collector:4318"}, complete...), good.dial, nil, 0, []string{`ok +traces +http://collector:4318/v1/traces, sampler parentbased_always_on`}},
		"traces go nowhere":       {append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318", "OTEL_TRACES_SAMPLER=often"}, complete...), good.dial, nil, 1, []string{`FAILED +traces +OTEL_TRACES_SAMPLER`}},
		"a bucket of no kind":     {append([]string{"SIGNALBOX_BUCKET=s4://files"}, complete...), good.dial, nil, 1, []string{`ok +settings`, `FAILED +bucket +--bucket \(SIGNALBOX_BUCKET\): .*"s4"`}},
		"a bucket in a file":      {append([]string{"SIGNALBOX_BUCKET=file:///dev/null/files"}, complete...), good.dial, []string{"worker"}, 1, []string{`FAILED +bucket`}},
		"a bucket to be made":     {append([]string{"SIGNALBOX_BUCKET=file://" + unmade}, complete...), good.dial, nil, 0, []string{`ok +bucket`}},
		"a bucket of the worker":  {append([]string{"SIGNALBOX_BUCKET=s4://files"}, complete...), good.dial, []string{"ingress"}, 0, nil},
		"a URL without TLS":       {append(slices.Clone(complete), "SIGNALBOX_OFFLOAD_BASE_URL=http://offload.internal"), good.dial, nil, 1, []string{`FAILED +settings .*SIGNALBOX_OFFLOAD_BASE_URL`}},
		"keys for their file":     {[]string{`SIGNALBOX_KEYRING={"key": "offload-secret"}`}, good.dial, []string{"ingress"}, 1, []string{`FAILED +keyring .*want the path of a file`}},
		"a part that there isn't": {complete, good.dial, []string{"relay"}, 2, nil},
		"for programs":            {complete, short.dial, []string{"--json"}, 1, []string{`"check": "retention",\s+"ok": false`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := commandWith(t, c.environ, c.dial, append([]string{"doctor"}, c.args...)...)
			require.Equal(t, c.status, got.status, got.out+got.err)
			for _, s := range c.says {
				require.Regexp(t, s, got.out)
			}
			require.NotContains(t, got.out+got.err, "offload-secret")
			require.NoDirExists(t, unmade)
		})
	}
}
