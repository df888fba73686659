package page_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/api/page"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// temporal is a fake Temporal with cases, activations, notices and files, and a worker that answers for them. It has only the calls that the page makes:
// every other call panics.
type temporal struct {
	client.Client

	mu          sync.Mutex
	cases       map[string]*workflows.CaseState
	activations map[string]*workflows.ActivationState
	notices     map[string]workflows.NotifyState
	files       map[string]workflows.CaseFiles
	// done names each update, with its object, who acted, or both, and each signal.
	done []string
	// silent: no worker answers queries.
	silent bool
}

func (f *temporal) silence() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

func (f *temporal) set(state workflows.CaseState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cases[workflows.OffloadCaseWorkflowID(state.Reference)] = &state
}

func (f *temporal) setActivation(state workflows.ActivationState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.activations[workflows.ArtmailActivationWorkflowID(state.Agent, state.ActivationID)] = &state
}

func (f *temporal) get(reference string) workflows.CaseState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.cases[workflows.OffloadCaseWorkflowID(reference)]
}

func (f *temporal) acts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
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
	if f.silent {
		f.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	defer f.mu.Unlock()
	if state, known := f.cases[request.WorkflowID]; known {
		return &client.QueryWorkflowWithOptionsResponse{QueryResult: value{*state}}, nil
	}
	if state, known := f.activations[request.WorkflowID]; known {
		return &client.QueryWorkflowWithOptionsResponse{QueryResult: value{*state}}, nil
	}
	if state, known := f.notices[request.WorkflowID]; known {
		return &client.QueryWorkflowWithOptionsResponse{QueryResult: value{state}}, nil
	}
	if files, known := f.files[request.WorkflowID]; known {
		return &client.QueryWorkflowWithOptionsResponse{QueryResult: value{files}}, nil
	}
	return nil, serviceerror.NewNotFound("no such workflow")
}

type handle struct {
	client.WorkflowUpdateHandle
	answer any
}

func (h handle) Get(_ context.Context, into any) error { return value{h.answer}.Get(into) }

func refuse(errorType string) error {
	return sdktemporal.NewApplicationError("refused", errorType)
}

func (f *temporal) UpdateWorkflow(_ context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if notices, known := f.notices[options.WorkflowID]; known {
		return f.updateNotices(notices, options)
	}
	if activation, known := f.activations[options.WorkflowID]; known {
		return f.updateActivation(activation, options)
	}
	state, known := f.cases[options.WorkflowID]
	if !known {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	var by string
	var answer any
	switch args := options.Args[0].(type) {
	case workflows.ProvideInput:
		switch {
		case slices.ContainsFunc(state.Answers, func(a workflows.Answer) bool { return a.QuestionID == args.QuestionID }):
			return nil, refuse(workflows.ErrTypeAlreadyAnswered)
		case state.Question == nil:
			return nil, refuse(workflows.ErrTypeNoOpenQuestion)
		case state.Question.ID != args.QuestionID:
			return nil, refuse(workflows.ErrTypeOtherQuestion)
		}
		by = args.By
		state.Status, state.Attention = workflows.CaseInputSent, nil
		state.Answers = append(slices.Clone(state.Answers), workflows.Answer{QuestionID: args.QuestionID, Text: args.Text, By: args.By, GivenAt: time.Now()})
		answer = workflows.InputReceipt{QuestionID: args.QuestionID, GivenAt: time.Now()}
	case workflows.AdoptCase:
		by = args.By
		state.Status, state.Attention, state.CaseID = workflows.CaseRunning, nil, args.CaseID
		answer = workflows.CaseReceipt{Status: state.Status, Verifying: args.CaseID}
	case workflows.RetryCreate:
		by = args.By
		state.Status, state.Attention = workflows.CaseCreating, nil
		answer = workflows.CaseReceipt{Status: state.Status}
	case workflows.CancelCase:
		by = args.By
		state.Status, state.Attention = workflows.CaseCancelled, nil
		state.Outcome = &workflows.CaseOutcome{Status: state.Status, Reason: args.Reason, EndedAt: time.Now(), Source: workflows.NewsByApp}
		answer = workflows.CaseReceipt{Status: state.Status}
	default:
		return nil, errors.New("unknown update")
	}
	f.done = append(f.done, options.UpdateName+" by "+by)
	return handle{answer: answer}, nil
}

// updateNotices refuses an ID that is unknown, that is not given up, or whose data to resend is gone. Without IDs it selects all given-up notices that it
// can, and a dismissal counts the forgotten ones, too.
func (f *temporal) updateNotices(state workflows.NotifyState, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	which := options.Args[0].(workflows.SelectNotices)
	resend := options.UpdateName == workflows.UpdateResend
	for _, id := range which.IDs {
		at := slices.IndexFunc(state.Notices, func(n workflows.NoticeRecord) bool { return n.ID == id })
		switch {
		case at < 0:
			return nil, refuse(workflows.ErrTypeUnknownNotice)
		case state.Notices[at].Status != workflows.NoticeGivenUp:
			return nil, refuse(workflows.ErrTypeNotGivenUp)
		case resend && state.Notices[at].NoData:
			return nil, refuse(workflows.ErrTypeNoNoticeData)
		}
	}
	state.Notices = slices.Clone(state.Notices)
	n := 0
	for i, notice := range state.Notices {
		if notice.Status != workflows.NoticeGivenUp || resend && notice.NoData || len(which.IDs) > 0 && !slices.Contains(which.IDs, notice.ID) {
			continue
		}
		n++
		state.Notices[i].Status = workflows.NoticeDismissed
		if resend {
			state.Notices[i].Status = workflows.NoticeWaiting
		}
	}
	if !resend && len(which.IDs) == 0 {
		n, state.Forgotten = n+state.Forgotten, 0
	}
	if n == 0 {
		return nil, refuse(workflows.ErrTypeNotGivenUp)
	}
	f.notices[options.WorkflowID] = state
	f.done = append(f.done, options.UpdateName+" by "+which.By)
	return handle{answer: workflows.NoticesSelected{Notices: n}}, nil
}

func (f *temporal) updateActivation(state *workflows.ActivationState, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	switch args := options.Args[0].(type) {
	case workflows.CloseRun:
		for i, run := range state.Runs {
			if run.RunID == args.RunID && run.Status == workflows.RunOpen {
				state.Runs[i].Status, state.Runs[i].ClosedAt, state.Attention = workflows.RunClosed, time.Now(), nil
				f.done = append(f.done, options.UpdateName+" "+args.RunID+" by "+args.By)
				return handle{answer: state.Runs[i]}, nil
			}
		}
	case workflows.CancelApproval:
		for i, approval := range state.Approvals {
			if approval.MessageID == args.MessageID && approval.Status == workflows.ApprovalOpen {
				state.Approvals[i].Status, state.Approvals[i].ClosedAt = workflows.ApprovalCancelled, time.Now()
				f.done = append(f.done, options.UpdateName+" "+args.MessageID+" by "+args.By)
				return handle{answer: state.Approvals[i]}, nil
			}
		}
	}
	return nil, errors.New("unknown update")
}

func (f *temporal) SignalWorkflow(_ context.Context, _, _, signal string, _ any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, signal)
	return nil
}

func (f *temporal) DescribeWorkflow(_ context.Context, workflowID, _ string) (*client.WorkflowExecutionDescription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, isCase := f.cases[workflowID]
	_, isActivation := f.activations[workflowID]
	if !isCase && !isActivation {
		return nil, serviceerror.NewNotFound(workflowID)
	}
	description := &client.WorkflowExecutionDescription{}
	description.Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	return description, nil
}

func payload(v any) *commonpb.Payload {
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	if err != nil {
		panic(err)
	}
	return p
}

// ListWorkflow lists workflows by the parts of a query that matter here: the type, the attention, and whether the workflow has ended.
func (f *temporal) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	add := func(workflowType, id, state, account, caseID string, attention []string, began, since time.Time, ended bool) {
		if strings.Contains(request.Query, "'"+workflowType+"'") && strings.Contains(request.Query, "!= 'Running'") == ended && wanted(request.Query, attention) {
			execution := &workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "run-" + id}, Type: &commonpb.WorkflowType{Name: workflowType},
				Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(began),
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
					workflows.SearchAttributeState: payload(state), workflows.SearchAttributeAttention: payload(attention),
					workflows.SearchAttributeDueAt: payload(since), workflows.SearchAttributeAccount: payload(account), workflows.SearchAttributeCaseID: payload(caseID),
				}},
			}
			if ended {
				execution.Status, execution.CloseTime = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, timestamppb.New(since)
			}
			response.Executions = append(response.Executions, execution)
		}
	}
	for id, c := range f.cases {
		add(workflows.OffloadCaseWorkflow, id, string(c.Status), c.Account, c.CaseID, c.Attention, cmp.Or(c.Facts.CreatedAt, c.Since), c.Since, c.Outcome != nil)
	}
	for id, a := range f.activations {
		add(workflows.ArtmailActivationWorkflow, id, string(a.Status), "", "", a.Attention, a.Since, a.Since, false)
	}
	for id, n := range f.notices {
		add(workflows.NotifyWorkflow, id, "", "", "", n.Attention, began, began, false)
	}
	return response, nil
}

// began is the start of each workflow "notify". It is fixed, because lists are sorted by it.
var began = time.Now().Add(-time.Hour)

// wanted reports whether an attention matches a query, which asks for certain values, for any attention, or not for attention.
func wanted(query string, attention []string) bool {
	var values []string
	for _, value := range workflows.Attentions() {
		if strings.Contains(query, "'"+value+"'") {
			values = append(values, value)
		}
	}
	if len(values) > 0 {
		return slices.ContainsFunc(attention, func(one string) bool { return slices.Contains(values, one) })
	}
	return len(attention) > 0 || !strings.Contains(query, workflows.SearchAttributeAttention)
}

// Tokens of the page's users, and the webhook secret of the agent crm.
const (
	annSecret   = "the-secret-of-ann-0001"
	bobSecret   = "the-secret-of-bob-0001"
	readSecret  = "the-secret-that-reads-1"
	emeaSecret  = "the-secret-of-emea-0001"
	mixedSecret = "the-secret-of-mixed-0001"
	caseSecret  = "the-secret-for-cases-01"
	crmSecret   = "the-secret-of-crm-00001"
	agentSecret = "whsec_c2VjcmV0"
)

// clock can be moved on.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// tokens can be taken away.
type tokens struct {
	mu  sync.Mutex
	set map[string]api.Token
}

func (t *tokens) Find(secret string) (api.Token, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, known := t.set[secret]
	return token, known
}

func (t *tokens) remove(secret string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.set, secret)
}

// replace gives the holder of a token a new one.
func (t *tokens) replace(secret, next string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set[next] = t.set[secret]
	delete(t.set, secret)
}

// world is a page with all that it works on.
type world struct {
	temporal *temporal
	store    inbox.Store
	keys     *keyring.Ring
	clock    *clock
	tokens   *tokens
	deps     page.Deps
	server   *page.Server
	url      string
	// inboxGone: the inbox can't be read.
	inboxGone *atomic.Bool
	// countsBlock: the deliveries can't be counted in time.
	countsBlock atomic.Bool
}

// failingDeliveries can't be listed while gone is set.
type failingDeliveries struct {
	deliveries.Deliveries
	gone *atomic.Bool
}

func (b failingDeliveries) ToDo(ctx context.Context, limit int) ([]signalbox.ToDoItem, bool, error) {
	if b.gone.Load() {
		return nil, false, inbox.ErrBusy
	}
	return b.Deliveries.ToDo(ctx, limit)
}

// counted can block a count until its caller gives up.
type counted struct {
	inbox.Store
	blocks *atomic.Bool
}

func (c counted) Counts(ctx context.Context, states ...inbox.State) (map[inbox.State]int64, error) {
	if c.blocks.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return c.Store.Counts(ctx, states...)
}

func newWorld(t *testing.T, withTokens bool) *world {
	t.Helper()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	w := &world{
		temporal: &temporal{
			cases: map[string]*workflows.CaseState{}, activations: map[string]*workflows.ActivationState{},
			notices: map[string]workflows.NotifyState{}, files: map[string]workflows.CaseFiles{},
		},
		store: store, keys: keys, clock: &clock{}, inboxGone: &atomic.Bool{},
		tokens: &tokens{set: map[string]api.Token{
			annSecret:   {Name: "ann", Scopes: []api.Scope{api.ScopeAdmin}},
			bobSecret:   {Name: "bob", Scopes: []api.Scope{api.ScopeAdmin}},
			readSecret:  {Name: "reader", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeActivationsRead, api.ScopeDeliveriesRead}},
			caseSecret:  {Name: "cases", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeCasesWrite}},
			mixedSecret: {Name: "mixed", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeActivationsRead, api.ScopeActivationsWrite}},
			crmSecret:   {Name: "crm", Scopes: []api.Scope{api.ScopeAdmin}, Agents: []string{"crm"}},
			emeaSecret:  {Name: "emea", Scopes: []api.Scope{api.ScopeAdmin}, Accounts: []string{"emea"}},
		}},
	}
	apps, err := signalbox.New(w.temporal, signalbox.Options{Keyring: keys, Deliveries: failingDeliveries{deliveries.New(func() (inbox.Store, error) { return store, nil }, time.Now), w.inboxGone}})
	require.NoError(t, err)
	deps := api.Deps{
		Client: apps, Keys: keys,
		Inbox: func() (inbox.Store, error) {
			if w.inboxGone.Load() {
				return nil, inbox.ErrBusy
			}
			return counted{store, &w.countsBlock}, nil
		},
		AgentSecrets: map[string][]string{"crm": {agentSecret}}, Log: zap.NewNop(), Now: time.Now,
		Transcript: func(_ context.Context, reference string) (workflows.CaseTranscript, error) {
			if reference == "lost" {
				return workflows.CaseTranscript{}, api.ErrNotAtOffload
			}
			return workflows.CaseTranscript{Reference: reference, Text: "The thread of " + reference}, nil
		},
	}
	if withTokens {
		deps.Tokens = w.tokens
	}
	calls, err := api.New(deps)
	require.NoError(t, err)
	w.deps = page.Deps{
		Keys: keys, Source: ingress.Sources([]netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}),
		API: calls, WebUI: "http://localhost:8233/namespaces/default", Log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)), Now: w.clock.now,
		Health: func(context.Context) (bool, []page.Check) {
			return false, []page.Check{{Name: "inbox", OK: true, Since: began}, {Name: "temporal", Since: began, Problem: "it can't be reached", Fix: "start it"}}
		},
	}
	w.server, w.url = w.process(t)
	return w
}

// process starts a page over the world's API, as each replica does.
func (w *world) process(t *testing.T) (*page.Server, string) {
	t.Helper()
	server, err := page.New(w.deps)
	require.NoError(t, err)
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return server, listening.URL
}

// asks is a case with an open question.
func asks(reference string) workflows.CaseState {
	return workflows.CaseState{
		Reference: reference, Account: "default", CaseID: "c1", Status: workflows.CaseInputNeeded, Since: time.Now().Add(-time.Hour),
		Objective: "Obtain a signed W-9", Counterparty: "Ada Vendor", Attention: []string{workflows.AttentionInputNeeded},
		Question: &workflows.Question{ID: "q1", Text: "Is a signed PDF fine?", RequestedAt: time.Now().Add(-time.Hour)},
	}
}

// uncertain is a case that may have been created.
func uncertain(reference string) workflows.CaseState {
	return workflows.CaseState{
		Reference: reference, Account: "default", Status: workflows.CaseCreateUncertain, Since: time.Now(), LastError: "POST /cases was cut off",
		Attention: []string{workflows.AttentionCreateUncertain},
	}
}

// active is an activation of the agent crm with an open and a rejected approval, and an inactive run.
func active(id string) workflows.ActivationState {
	at := time.Now().Add(-time.Hour)
	return workflows.ActivationState{
		Agent: "crm", ActivationID: id, Status: workflows.ActivationActive, StatusAt: at, Since: at,
		WaitingFor: "The brand has to answer 1 approval in Artmail. The agent has to go on with 1 run, or to close what has ended.",
		Attention:  []string{workflows.AttentionRunStale}, User: &workflows.ActivationUser{Email: "brand@example.com"}, SealedAPIKey: []byte("sealed"), EventsApplied: 3,
		Approvals: []workflows.Approval{
			{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m1", Subject: "May the launch mail go out?"}, Status: workflows.ApprovalOpen, RequestedAt: at, DueAt: at.Add(2 * time.Hour)},
			{ApprovalRequest: workflows.ApprovalRequest{MessageID: "m0", Subject: "May the teaser go out?"}, Status: workflows.ApprovalRejected, RequestedAt: at, ClosedAt: at.Add(time.Minute), Reason: "Too loud"},
		},
		Runs: []workflows.Run{{RunID: "r1", Status: workflows.RunOpen, OpenedAt: at, LastActiveAt: at, WarnedAt: at.Add(13 * time.Minute)}},
	}
}

// storeDelivery stores a delivery with a sealed body and returns its ID.
func (w *world) storeDelivery(t *testing.T, d inbox.Delivery, body []byte) string {
	t.Helper()
	d.ReceivedAt = time.Now()
	d.ID = inbox.NewID(d.ReceivedAt)
	var err error
	d.Body, err = w.keys.Seal(body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
	require.NoError(t, err)
	_, err = w.store.Append(t.Context(), []inbox.Delivery{d})
	require.NoError(t, err)
	return d.ID
}

// browser keeps cookies and follows redirects.
type browser struct {
	*http.Client
	w *world
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}, w}
}

// thief is a browser with a cookie that is not its own.
func (w *world) thief(t *testing.T, cookie string) *browser {
	t.Helper()
	b := w.browser(t)
	b.setCookie(t, cookie)
	return b
}

// signedIn is a browser of the holder of a token.
func (w *world) signedIn(t *testing.T, secret string) *browser {
	t.Helper()
	b := w.browser(t)
	status, body := b.post(t, "/sign-in", url.Values{"token": {secret}, "return": {"/health"}})
	require.Equal(t, 200, status, body)
	require.Contains(t, body, "<bdi>Health</bdi>")
	return b
}

func (b *browser) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return b.send(t, http.MethodGet, path, nil, nil)
}

// shows gets a page until it has all the parts, and returns it.
func (b *browser) shows(t *testing.T, path string, parts ...string) string {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.w.url+path, nil)
		if err != nil {
			return "", err
		}
		response, err := b.Do(request)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		return string(body), errors.Join(err, response.Body.Close())
	}, func(body string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(body, part) })
	})
}

func (b *browser) post(t *testing.T, path string, form url.Values) (int, string) {
	t.Helper()
	return b.send(t, http.MethodPost, path, form, map[string]string{"Sec-Fetch-Site": "same-origin"})
}

func (b *browser) send(t *testing.T, method, path string, form url.Values, header map[string]string) (int, string) {
	t.Helper()
	response := b.response(t, method, path, form, header)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func (b *browser) response(t *testing.T, method, path string, form url.Values, header map[string]string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.w.url+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := b.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// cookie returns the cookie of the session, or nil.
func (b *browser) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	u, err := url.Parse(b.w.url)
	require.NoError(t, err)
	for _, cookie := range b.Jar.Cookies(u) {
		if cookie.Name == "signalbox" {
			return cookie
		}
	}
	return nil
}

func (b *browser) setCookie(t *testing.T, value string) {
	t.Helper()
	u, err := url.Parse(b.w.url)
	require.NoError(t, err)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "signalbox", Value: value, Path: "/"}})
}
