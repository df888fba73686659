package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// temporal answers as a Temporal with one worker would: starts are kept, queries answer with states, updates with answers. Calls that the API
// does not make are missing on purpose.
type temporal struct {
	client.Client

	mu sync.Mutex
	// states are what the query of a workflow answers.
	states map[string]any
	// fails is what every call fails with, if it is set.
	fails error
	// unanswered is how many queries fail before one is answered.
	unanswered int
	// updates are the arguments of updates in order, by name.
	updates map[string][]any
	// signals are the arguments of signals in order, by name.
	signals map[string][]any
	// changed is closed when a state is set, and made anew.
	changed chan struct{}
	// events is the length of each history.
	events int64
	// following counts the readers of a history.
	following atomic.Int64
	// queries are those of lists.
	queries []string
	// running are what lists show.
	running []*workflowpb.WorkflowExecutionInfo
	// refuse is what updates fail with.
	refuse error
	// starts are the inputs of cases by workflow ID.
	starts map[string]workflows.CaseStart
}

func newTemporal() *temporal {
	return &temporal{states: map[string]any{}, updates: map[string][]any{}, signals: map[string][]any{}, starts: map[string]workflows.CaseStart{}, changed: make(chan struct{})}
}

func (f *temporal) become(workflowID string, state any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states[workflowID] = state
	f.events++
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *temporal) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return nil, f.fails
	}
	start := args[0].(workflows.CaseStart)
	f.starts[options.ID] = start
	f.states[options.ID] = workflows.CaseState{Reference: start.Reference, Account: start.Account, Status: workflows.CaseRunning, Since: clock}
	return nil, nil
}

type value struct{ v any }

func (v value) HasValue() bool { return true }
func (v value) Get(into any) error {
	raw, err := json.Marshal(v.v)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (f *temporal) QueryWorkflowWithOptions(ctx context.Context, request *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.fails != nil {
		return nil, f.fails
	}
	if f.unanswered > 0 {
		f.unanswered--
		return nil, serviceerror.NewFailedPrecondition("no poller seen for task queue recently, worker may be down")
	}
	state, known := f.states[request.WorkflowID]
	if !known {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	return &client.QueryWorkflowWithOptionsResponse{QueryResult: value{state}}, nil
}

type handle struct {
	client.WorkflowUpdateHandle
	answer any
}

func (h handle) Get(_ context.Context, into any) error { return value{h.answer}.Get(into) }

func (f *temporal) UpdateWorkflow(_ context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return nil, f.fails
	}
	if _, known := f.states[options.WorkflowID]; !known {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	if f.refuse != nil {
		return nil, f.refuse
	}
	f.updates[options.UpdateName] = append(f.updates[options.UpdateName], options.Args[0])
	var answer any
	switch options.UpdateName {
	case workflows.UpdateResend, workflows.UpdateDismiss:
		answer = workflows.NoticesSelected{Notices: 1}
	case workflows.UpdateProvideInput:
		answer = workflows.InputReceipt{QuestionID: "q1", GivenAt: clock}
	case workflows.UpdateRequestApprovals:
		answer = []workflows.Approval{{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m1"}, Status: workflows.ApprovalOpen, RequestedAt: clock}}
	case workflows.UpdateCancelApproval:
		answer = workflows.Approval{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m1"}, Status: workflows.ApprovalCancelled, RequestedAt: clock}
	case workflows.UpdateOpenRun, workflows.UpdateCloseRun:
		answer = workflows.Run{RunID: "r1", Status: workflows.RunOpen}
	default:
		answer = workflows.CaseReceipt{Status: workflows.CaseRunning}
	}
	return handle{answer: answer}, nil
}

func (f *temporal) DescribeWorkflow(_ context.Context, workflowID, _ string) (*client.WorkflowExecutionDescription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.states[workflowID]; !known {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	description := &client.WorkflowExecutionDescription{}
	description.WorkflowExecution.RunID = "run"
	description.Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	return description, nil
}

// GetWorkflowHistory has one event for each state that was set.
func (f *temporal) GetWorkflowHistory(ctx context.Context, _, _ string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	f.following.Add(1)
	return &steps{ctx: ctx, of: f}
}

type steps struct {
	client.HistoryEventIterator
	ctx context.Context
	of  *temporal
	id  int64
}

func (s *steps) HasNext() bool { return true }

func (s *steps) Next() (*historypb.HistoryEvent, error) {
	s.id++
	for {
		s.of.mu.Lock()
		events, changed := s.of.events, s.of.changed
		s.of.mu.Unlock()
		if s.id <= events {
			return &historypb.HistoryEvent{EventId: s.id, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED}, nil
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		}
	}
}

func (f *temporal) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, request.GetQuery())
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, one := range f.running {
		if strings.Contains(request.GetQuery(), "'"+one.GetType().GetName()+"'") && !strings.Contains(request.GetQuery(), "!= 'Running'") {
			response.Executions = append(response.Executions, one)
		}
	}
	return response, f.fails
}

func (f *temporal) SignalWorkflow(_ context.Context, workflowID, _, signal string, argument any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return f.fails
	}
	if _, known := f.states[workflowID]; !known {
		return serviceerror.NewNotFound("no such workflow")
	}
	f.signals[signal] = append(f.signals[signal], argument)
	return nil
}

var clock = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// world is an API with all that it works on.
type world struct {
	temporal *temporal
	store    inbox.Store
	keys     *keyring.Ring
	log      *observer.ObservedLogs
	deps     api.Deps
	server   *api.Server
	// transcript reads conversations; nil: there is none.
	transcript func(ctx context.Context, reference string) (workflows.CaseTranscript, error)
}

// secrets of the tokens that the world knows.
const (
	adminSecret = "secret-of-the-admin"
	emeaSecret  = "secret-of-emea-alone"
	crmSecret   = "secret-of-the-crm-agent"
	readSecret  = "secret-that-reads-only"
)

func tokens() *api.TokenSet {
	set := new(api.TokenSet)
	set.Add(adminSecret, api.Token{Name: "ann", Scopes: []api.Scope{api.ScopeAdmin}})
	set.Add(emeaSecret, api.Token{Name: "emea", Scopes: []api.Scope{api.ScopeAdmin}, Accounts: []string{"emea"}})
	set.Add(crmSecret, api.Token{Name: "crm", Scopes: []api.Scope{api.ScopeAdmin}, Agents: []string{"crm"}})
	set.Add(readSecret, api.Token{Name: "reader", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeActivationsRead, api.ScopeDeliveriesRead}})
	return set
}

func newWorld(t testing.TB, callers api.Tokens) *world {
	t.Helper()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	core, logs := observer.New(zap.DebugLevel)
	w := &world{temporal: newTemporal(), store: store, keys: keys, log: logs}
	apps, err := signalbox.New(w.temporal, signalbox.Options{Keyring: keys})
	require.NoError(t, err)
	w.deps = api.Deps{
		Client: apps, Inbox: func() (inbox.Store, error) { return w.store, nil }, Keys: keys,
		AgentSecrets: map[string][]string{"crm": {"whsec_c2VjcmV0"}}, Tokens: callers, Log: zap.New(core), Now: time.Now,
		Transcript: func(ctx context.Context, reference string) (workflows.CaseTranscript, error) {
			return w.transcript(ctx, reference)
		},
	}
	w.server, err = api.New(w.deps)
	require.NoError(t, err)
	return w
}

// answer is a status with its body.
type answer struct {
	status int
	header http.Header
	body   string
}

// problem reads a problem; the test fails for any other answer.
func (a answer) problem(t testing.TB) api.Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), "%d %s", a.status, a.body)
	var p api.Problem
	require.NoError(t, json.Unmarshal([]byte(a.body), &p))
	require.Equal(t, a.status, p.Status)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, a.header.Get("X-Request-Id"), p.RequestId)
	return p
}

func (a answer) into(t testing.TB, v any) {
	t.Helper()
	require.Less(t, a.status, 300, a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), v))
}

func (w *world) get(t testing.TB, secret, path string) answer {
	t.Helper()
	return w.call(t, http.MethodGet, path, "", map[string]string{"Authorization": "Bearer " + secret})
}

func (w *world) post(t testing.TB, secret, path, body string) answer {
	t.Helper()
	return w.call(t, http.MethodPost, path, body, map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"})
}

func (w *world) call(t testing.TB, method, path, body string, header map[string]string) answer {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	request := httptest.NewRequestWithContext(t.Context(), method, path, content)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, request)
	return answer{recorder.Code, recorder.Header(), strings.TrimSpace(recorder.Body.String())}
}

// start is a whole start with a reference and an account.
func start(reference, account string) string {
	var out bytes.Buffer
	_ = json.NewEncoder(&out).Encode(workflows.CaseStart{
		Reference: reference, Account: account,
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "ask"},
			Counterparty: workflows.Counterparty{Address: "v@vendor.example", Name: "V"}, SenderPersona: workflows.SenderPersona{Name: "Ann"},
		},
	})
	return out.String()
}

// noAudit is a store that can't write records.
type noAudit struct{ inbox.Store }

func (noAudit) Audit(context.Context, inbox.AuditEntry) error { return inbox.ErrBusy }
