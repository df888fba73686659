package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// signal is a signal that the fake server accepted.
type signal struct {
	workflowID, name string
	// payload is the JSON that the SDK would send.
	payload json.RawMessage
	started *client.StartWorkflowOptions
	input   workflows.ActivationStart
}

// fakeTemporal answers with the errors of a real server (see class).
type fakeTemporal struct {
	mu      sync.Mutex
	status  map[string]enumspb.WorkflowExecutionStatus
	cases   map[string]string
	queries []string
	// closedAt and lastApplied are of closed cases; a case without lastApplied can't be asked.
	closedAt, lastApplied map[string]time.Time
	// begun is when the first run of a case began; its newest run began an hour later. Temporal has deleted the first run of those in firstGone.
	begun     map[string]time.Time
	firstGone map[string]bool
	// deleted are workflows that visibility still lists.
	deleted map[string]bool
	// memos are the memos of running activations.
	memos map[string]*commonpb.Memo
	// down is the error of every call; broken has errors of single workflows.
	down   error
	broken map[string]error
	mend   map[string]int
	// unstartable refuses every start, unqueryable every query for a caseId.
	unstartable, unqueryable error
	// poison refuses every signal whose payload contains it.
	poison string
	// hook runs within a signal, before it is accepted.
	hook    func(workflowID string)
	signals []signal
	// calls counts signals and starts; described counts descriptions of workflows.
	calls, described int
}

func newFakeTemporal() *fakeTemporal {
	return &fakeTemporal{
		status: map[string]enumspb.WorkflowExecutionStatus{}, cases: map[string]string{}, broken: map[string]error{}, memos: map[string]*commonpb.Memo{},
		closedAt: map[string]time.Time{}, lastApplied: map[string]time.Time{}, begun: map[string]time.Time{}, firstGone: map[string]bool{}, deleted: map[string]bool{},
	}
}

func (f *fakeTemporal) set(change func(*fakeTemporal)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeTemporal) sent() []signal {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]signal(nil), f.signals...)
}

func (f *fakeTemporal) run(workflowIDs ...string) {
	f.set(func(f *fakeTemporal) {
		for _, id := range workflowIDs {
			f.status[id] = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		}
	})
}

func (f *fakeTemporal) begin(ctx context.Context, workflowID string) error {
	f.mu.Lock()
	f.calls++
	hook := f.hook
	f.mu.Unlock()
	if hook != nil {
		hook(workflowID)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return f.down
	}
	err := errors.Join(f.broken[workflowID], ctx.Err())
	if n, ok := f.mend[workflowID]; ok {
		if f.mend[workflowID] = n - 1; n == 1 {
			delete(f.broken, workflowID)
		}
	}
	return err
}

// mendAfter lets a broken workflow fail that many times more. The caller holds the lock.
func (f *fakeTemporal) mendAfter(workflowID string, failures int) {
	f.mend = map[string]int{workflowID: failures}
}

func (f *fakeTemporal) SignalWorkflow(ctx context.Context, workflowID, _, name string, arg any) error {
	if err := f.begin(ctx, workflowID); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status[workflowID] != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return serviceerror.NewNotFound("workflow not found for ID: " + workflowID)
	}
	payload, err := json.Marshal(arg)
	if err != nil {
		return err
	}
	if f.poison != "" && strings.Contains(string(payload), f.poison) {
		return serviceerror.NewInvalidArgument("unusable")
	}
	f.signals = append(f.signals, signal{workflowID: workflowID, name: name, payload: payload})
	return nil
}

func (f *fakeTemporal) SignalWithStartWorkflow(ctx context.Context, workflowID, name string, arg any, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	if err := f.begin(ctx, workflowID); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if status, ok := f.status[workflowID]; ok && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution already finished", "", "run")
	}
	if f.unstartable != nil {
		return nil, f.unstartable
	}
	if workflow != workflows.ArtmailActivationWorkflow || len(args) != 1 {
		return nil, fmt.Errorf("started %v(%v)", workflow, args)
	}
	input, ok := args[0].(workflows.ActivationStart)
	if !ok {
		return nil, fmt.Errorf("started with a %T", args[0])
	}
	payload, err := json.Marshal(arg)
	if err != nil {
		return nil, err
	}
	f.status[workflowID] = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	memo := &commonpb.Memo{Fields: map[string]*commonpb.Payload{}}
	for field, value := range options.Memo {
		if memo.Fields[field], err = converter.GetDefaultDataConverter().ToPayload(value); err != nil {
			return nil, err
		}
	}
	f.memos[workflowID] = memo
	f.signals = append(f.signals, signal{workflowID: workflowID, name: name, payload: payload, started: &options, input: input})
	return nil, nil
}

func (f *fakeTemporal) DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.described++
	if f.down != nil {
		return nil, f.down
	}
	status, ok := f.status[workflowID]
	if !ok || f.deleted[workflowID] || runID != "" && f.firstGone[workflowID] {
		return nil, serviceerror.NewNotFound("workflow not found for ID: " + workflowID)
	}
	info := &workflowpb.WorkflowExecutionInfo{Status: status}
	if at, known := f.begun[workflowID]; known && runID == "" {
		info.FirstRunId, info.StartTime = "first", timestamppb.New(at.Add(time.Hour))
	} else if known {
		info.StartTime = timestamppb.New(at)
	}
	if at, closed := f.closedAt[workflowID]; closed {
		info.CloseTime = timestamppb.New(at)
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, ctx.Err()
}

func (f *fakeTemporal) QueryWorkflow(_ context.Context, workflowID, _, name string, _ ...any) (converter.EncodedValue, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, known := f.lastApplied[workflowID]
	if !known || name != workflows.QueryState {
		return nil, serviceerror.NewQueryFailed("no worker")
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(workflows.CaseState{LastApplied: &workflows.AppliedEvent{AcceptedAt: at}})
	return client.NewValue(payloads), err
}

func (f *fakeTemporal) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	f.queries = append(f.queries, request.GetQuery())
	if f.unqueryable != nil && strings.Contains(request.GetQuery(), workflows.SearchAttributeCaseID) {
		return nil, f.unqueryable
	}
	if request.GetQuery() == "WorkflowType = 'artmail-activation' AND ExecutionStatus = 'Running'" {
		return f.listActivations(string(request.GetNextPageToken())), ctx.Err()
	}
	if strings.HasSuffix(request.GetQuery(), " AND ExecutionStatus != 'ContinuedAsNew'") {
		return f.listStarted(request.GetQuery()), ctx.Err()
	}
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for caseID, workflowID := range f.cases {
		if strings.Contains(request.GetQuery(), "'"+caseID+"'") {
			response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID}, Status: f.status[workflowID],
			})
		}
	}
	return response, ctx.Err()
}

// listActivations shows one on each page, in the order of their IDs. The caller holds the lock.
func (f *fakeTemporal) listActivations(after string) *workflowservice.ListWorkflowExecutionsResponse {
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, id := range slices.Sorted(maps.Keys(f.status)) {
		switch {
		case id <= after || f.status[id] != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		case len(response.Executions) > 0:
			response.NextPageToken = []byte(response.Executions[0].Execution.WorkflowId)
			return response
		default:
			response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: id}, Memo: f.memos[id],
			})
		}
	}
	return response
}

// listStarted answers a query for workflow IDs or caseIds. The caller holds the lock.
func (f *fakeTemporal) listStarted(query string) *workflowservice.ListWorkflowExecutionsResponse {
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	add := func(id string, attributes *commonpb.SearchAttributes) {
		if status, known := f.status[id]; known {
			info := &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id}, Status: status, SearchAttributes: attributes}
			if at, closed := f.closedAt[id]; closed {
				info.CloseTime = timestamppb.New(at)
			}
			response.Executions = append(response.Executions, info)
		}
	}
	if strings.HasPrefix(query, "WorkflowId IN (") {
		for id := range f.status {
			if strings.Contains(query, "'"+id+"'") {
				add(id, nil)
			}
		}
	}
	if strings.HasPrefix(query, "SignalboxCaseId IN (") {
		for caseID, id := range f.cases {
			if payload, err := converter.GetDefaultDataConverter().ToPayload(caseID); err == nil && strings.Contains(query, "'"+caseID+"'") {
				add(id, &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"SignalboxCaseId": payload}})
			}
		}
	}
	return response
}

// watched is an inbox that records what a relay does with it.
type watched struct {
	inbox.Store
	// away makes Counts fail, as when the database does not answer.
	away    atomic.Bool
	mu      sync.Mutex
	claimed map[string]bool
	// idleAt is the time of the last claim that found nothing, at a moment when no lane was claimed.
	idleAt      time.Time
	settlements []inbox.Settlement
	// renewals are those that succeeded.
	renewals []inbox.RenewRequest
	// renewError fails every renewal.
	renewError error
	// settle is called in place of the store's Settle.
	settle func(ctx context.Context, request inbox.SettleRequest) error
	// locked is a delivery whose lane another transaction has locked; Replay fails for it.
	locked atomic.Value
}

func (w *watched) Replay(ctx context.Context, id string, now time.Time) error {
	if id == w.locked.Load() {
		return inbox.ErrLocked
	}
	return w.Store.Replay(ctx, id, now)
}

func (w *watched) Claim(ctx context.Context, request inbox.ClaimRequest) ([]inbox.Lane, error) {
	w.mu.Lock()
	before := len(w.claimed)
	w.mu.Unlock()
	lanes, err := w.Store.Claim(ctx, request)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, lane := range lanes {
		for _, d := range lane.Deliveries {
			w.claimed[d.ID] = true
		}
	}
	if err == nil && before+len(w.claimed) == 0 {
		w.idleAt = request.Now
	}
	return lanes, err
}

func (w *watched) Counts(ctx context.Context, states ...inbox.State) (map[inbox.State]int64, error) {
	if w.away.Load() {
		return nil, errors.New("the database does not answer")
	}
	return w.Store.Counts(ctx, states...)
}

func (w *watched) Settle(ctx context.Context, request inbox.SettleRequest) error {
	settle := w.Store.Settle
	if w.settle != nil {
		settle = w.settle
	}
	err := settle(ctx, request)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range request.Settlements {
		delete(w.claimed, s.ID)
	}
	w.settlements = append(w.settlements, request.Settlements...)
	return err
}

func (w *watched) Renew(ctx context.Context, request inbox.RenewRequest) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.renewError != nil {
		return nil, w.renewError
	}
	renewed, err := w.Store.Renew(ctx, request)
	if err == nil {
		w.renewals = append(w.renewals, request)
	}
	return renewed, err
}

func (w *watched) idleSince(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idleAt.Equal(now)
}

// fixture is a relay between the real SQLite inbox and a fake server.
type fixture struct {
	payloads *payloadcodec.Codec
	temporal *fakeTemporal
	store    inbox.Store
	watched  *watched
	keys     *keyring.Ring
	clock    *clock
	registry *prometheus.Registry
	tracer   trace.Tracer
	// logs are the warnings and errors of the relay.
	logs  *observer.ObservedLogs
	relay *relay.Relay
	// stop ends Run and waits for it; cancel only ends it.
	stop, cancel func()
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(tb.TempDir(), "inbox.db"), sqlite.Options{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, store.Close()) })
	keys, err := keyring.Generate()
	require.NoError(tb, err)
	watched := &watched{Store: store, claimed: map[string]bool{}}
	return &fixture{
		temporal: newFakeTemporal(), store: watched, watched: watched, keys: keys,
		clock: &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)},
	}
}

func (f *fixture) start(tb testing.TB, config relay.Config) {
	tb.Helper()
	if config.Owner == "" {
		config.Owner = "relay-1"
	}
	if config.PollInterval == 0 {
		config.PollInterval = 5 * time.Millisecond
	}
	f.registry = prometheus.NewRegistry()
	core, logs := observer.New(zap.WarnLevel)
	f.logs = logs
	r, err := relay.New(config, relay.Deps{
		Temporal: f.temporal, Inbox: f.store, Keys: f.keys, Payloads: f.payloads, Logger: zap.New(core), Metrics: f.registry, Tracer: f.tracer, Now: f.clock.Now,
	})
	require.NoError(tb, err)
	f.relay = r
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	f.stop = func() {
		cancel()
		await(tb, "the end of the relay", done)
	}
	tb.Cleanup(f.stop)
}

// keep stores a delivery as the ingress does and returns its ID.
func (f *fixture) keep(tb testing.TB, d inbox.Delivery, body string) string {
	tb.Helper()
	id := inbox.NewID(f.clock.Now())
	d.ID, d.State, d.ReceivedAt = id, inbox.StatePending, f.clock.Now()
	var err error
	d.Body, err = f.keys.Seal([]byte(body), hook.BodyContext(d.Provider, d.Lane, id)...)
	require.NoError(tb, err)
	_, err = f.store.Append(context.Background(), []inbox.Delivery{d})
	require.NoError(tb, err)
	return id
}

func (f *fixture) keepOffload(tb testing.TB, reference, eventID string) string {
	tb.Helper()
	return f.keep(tb, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane(reference), Kind: workflows.KindCaseCompleted, DedupeKey: eventID}, completed(eventID))
}

func (f *fixture) keepArtmail(tb testing.TB, kind, body string) string {
	tb.Helper()
	return f.keep(tb, inbox.Delivery{Provider: artmail.Name, Scope: "copywriter", Lane: artmail.Lane("copywriter", "a1"), Kind: kind}, body)
}

// keepShared stores an event of the shared route.
func (f *fixture) keepShared(tb testing.TB, caseID, clientReferenceID string) string {
	tb.Helper()
	body, err := json.Marshal(map[string]any{"event_type": "case.failed", "data": map[string]any{"caseId": caseID, "clientReferenceId": clientReferenceID}})
	require.NoError(tb, err)
	return f.keep(tb, inbox.Delivery{Provider: offload.Name, Lane: offload.SharedLane(caseID), Kind: "case.failed"}, string(body))
}

func completed(eventID string) string {
	return `{"event_id":"` + eventID + `","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"c1","clientReferenceId":"order-1","status":"COMPLETED"}}`
}

func (f *fixture) get(tb testing.TB, id string) inbox.Delivery {
	tb.Helper()
	d, err := f.store.Get(context.Background(), id)
	require.NoError(tb, err)
	return d
}

// becomes waits until a delivery is in a state.
func (f *fixture) becomes(tb testing.TB, id string, state inbox.State) inbox.Delivery {
	tb.Helper()
	eventually(tb, string(state), func() bool {
		d, err := f.store.Get(context.Background(), id)
		return err == nil && d.State == state
	})
	return f.get(tb, id)
}

// noPending waits until no delivery is pending.
func (f *fixture) noPending(tb testing.TB) {
	tb.Helper()
	eventually(tb, "nothing pending", func() bool {
		counts, err := f.store.Counts(context.Background())
		return err == nil && counts[inbox.StatePending] == 0
	})
}

// idle waits until the relay has nothing more to do before the clock moves.
func (f *fixture) idle(tb testing.TB) {
	tb.Helper()
	eventually(tb, "the relay is idle", func() bool { return f.watched.idleSince(f.clock.Now()) })
}

// passTime moves the clock by a step whenever the relay is idle, until the condition holds.
func (f *fixture) passTime(tb testing.TB, step time.Duration, what string, condition func() bool) {
	tb.Helper()
	eventually(tb, what, func() bool {
		if condition() {
			return true
		}
		if f.watched.idleSince(f.clock.Now()) {
			f.clock.advance(step)
		}
		return false
	})
}

// waitTimeout bounds every wait.
const waitTimeout = 5 * time.Minute

func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	require.Eventually(tb, condition, waitTimeout, 2*time.Millisecond, what)
}

// await fails after a time limit, because a test that waits for ever reports nothing until the tests of the package time out.
func await(tb testing.TB, what string, happened <-chan struct{}) {
	tb.Helper()
	select {
	case <-happened:
	case <-time.After(waitTimeout):
		tb.Fatalf("waited for: %s", what)
	}
}

func caseEvents(tb testing.TB, s signal) []workflows.CaseEvent {
	tb.Helper()
	var events []workflows.CaseEvent
	require.NoError(tb, json.Unmarshal(s.payload, &events))
	return events
}

func activationEvents(tb testing.TB, s signal) []workflows.ActivationEvent {
	tb.Helper()
	var events []workflows.ActivationEvent
	require.NoError(tb, json.Unmarshal(s.payload, &events))
	return events
}

// metric returns the value of a gauge or counter, with one label or none.
func (f *fixture) metric(tb testing.TB, name, label string) float64 {
	tb.Helper()
	families, err := f.registry.Gather()
	require.NoError(tb, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
