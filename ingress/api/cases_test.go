package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

func TestAStartSaysWhereTheCaseIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	first := w.post(t, adminSecret, "/v1/cases", start("first", ""))
	require.Equal(t, 201, first.status, first.body)
	require.Equal(t, "/v1/cases/first", first.header.Get("Location"))
	require.JSONEq(t, `{"reference":"first","workflowId":"offload-case/first"}`, first.body)
	var state workflows.CaseState
	w.get(t, adminSecret, "/v1/cases/first").into(t, &state)
	require.Equal(t, "default", state.Account)
}

func TestTheNameOfTheTokenIsRecordedAsWhoActed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("offload-case/acts", workflows.CaseState{Reference: "acts", Account: "emea", Status: workflows.CaseInputNeeded})
	w.temporal.become("artmail-activation/crm/a1", workflows.ActivationState{Agent: "crm", ActivationID: "a1", Status: workflows.ActivationActive})
	for path, body := range map[string]string{
		"/input": `{"questionId":"q1","text":"yes"}`, "/cancel": `{"reason":"no need"}`, "/adopt": `{"caseId":"c1"}`, "/retry-create": "", "/reconcile": "",
	} {
		require.Less(t, w.post(t, emeaSecret, "/v1/cases/acts"+path, body).status, 300, path)
	}
	for _, path := range []string{"/approvals/m1/cancel", "/runs/r1/close"} {
		require.Less(t, w.post(t, crmSecret, "/v1/activations/crm/a1"+path, `{"reason":"no need"}`).status, 300, path)
	}
	require.Equal(t, map[string][]any{
		workflows.UpdateProvideInput:   {workflows.ProvideInput{QuestionID: "q1", Text: "yes", By: "emea"}},
		workflows.UpdateCancel:         {workflows.CancelCase{Reason: "no need", By: "emea"}},
		workflows.UpdateAdoptCase:      {workflows.AdoptCase{CaseID: "c1", By: "emea"}},
		workflows.UpdateRetryCreate:    {workflows.RetryCreate{By: "emea", RunID: "run"}},
		workflows.UpdateCancelApproval: {workflows.CancelApproval{MessageID: "m1", Reason: "no need", By: "crm"}},
		workflows.UpdateCloseRun:       {workflows.CloseRun{RunID: "r1", Reason: "no need", By: "crm"}},
	}, w.temporal.updates)
	require.Equal(t, map[string][]any{workflows.SignalReconcileNow: {workflows.ReconcileNow{By: "emea"}}}, w.temporal.signals)
}

func TestAWaitEndsWithTheCaseAQuestionOrItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	running := workflows.CaseState{Reference: "wait", Status: workflows.CaseRunning}
	w.temporal.become("offload-case/wait", running)
	for _, ended := range []workflows.CaseStatus{workflows.CaseInputNeeded, workflows.CaseCompleted, workflows.CaseExpired} {
		w.temporal.become("offload-case/wait", running)
		changed := time.AfterFunc(50*time.Millisecond, func() {
			w.temporal.become("offload-case/wait", workflows.CaseState{Reference: "wait", Status: ended})
		})
		var state workflows.CaseState
		w.get(t, "", "/v1/cases/wait?wait=30s").into(t, &state)
		require.Equal(t, ended, state.Status)
		changed.Stop()
	}
	w.temporal.become("offload-case/wait", running)
	var state workflows.CaseState
	w.get(t, "", "/v1/cases/wait?wait=1s").into(t, &state)
	require.Equal(t, workflows.CaseRunning, state.Status)

	time.AfterFunc(50*time.Millisecond, w.server.Stop)
	began := time.Now()
	w.get(t, "", "/v1/cases/wait?wait=60s").into(t, &state)
	require.Equal(t, workflows.CaseRunning, state.Status, "a stop answers with what is so now")
	require.Less(t, time.Since(began), 30*time.Second)
}

// TestMain finds a goroutine that a waiter leaves behind.
func TestAThousandCallersWaitForOneCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/many", workflows.CaseState{Reference: "many", Status: workflows.CaseRunning})
	var all sync.WaitGroup
	var completed atomic.Bool
	var woken atomic.Int64
	answers := make(chan answer, 1000)
	for range cap(answers) {
		all.Go(func() {
			for { // on a slow machine, the wait of the first is over before the last one waits
				afterwards := completed.Load()
				got := w.get(t, "", "/v1/cases/many?wait=60s")
				ended := strings.Contains(got.body, string(workflows.CaseCompleted))
				if ended && !afterwards {
					woken.Add(1)
				}
				if ended || afterwards {
					answers <- got
					return
				}
			}
		})
	}
	require.Eventually(t, func() bool { return w.temporal.following.Load() >= 1000 }, 5*time.Minute, time.Millisecond)
	w.temporal.become("offload-case/many", workflows.CaseState{Reference: "many", Status: workflows.CaseCompleted})
	completed.Store(true)
	all.Wait()
	require.Greater(t, woken.Load(), int64(cap(answers)/2), "a wait ends with the case")
	close(answers)
	for got := range answers {
		var state workflows.CaseState
		got.into(t, &state)
		require.Equal(t, workflows.CaseCompleted, state.Status)
	}
}

func TestListsKeepToTheLimitsOfTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	for _, path := range []string{"/v1/cases", "/v1/cases?account=emea"} {
		require.Equal(t, 200, w.get(t, emeaSecret, path).status)
		require.Contains(t, w.temporal.queries[len(w.temporal.queries)-1], "SignalboxAccount IN ('emea')")
	}
	require.Equal(t, 200, w.get(t, crmSecret, "/v1/activations").status)
	require.Contains(t, w.temporal.queries[len(w.temporal.queries)-1], "artmail-activation/crm/")
	for secret, paths := range map[string][]string{
		emeaSecret: {"/v1/cases?account=apac", "/v1/cases?account=emea&account=apac"},
		crmSecret:  {"/v1/activations?agent=sales", "/v1/notices?agent=sales", "/v1/notices/artmail-activation%2Fsales%2Fa1"},
	} {
		for _, path := range paths {
			require.Equal(t, 403, w.get(t, secret, path).status, path)
		}
		require.Equal(t, 403, w.post(t, secret, "/v1/catch-up", `{"since":"2026-05-01T00:00:00Z"}`).status)
	}
	require.Equal(t, 400, w.get(t, adminSecret, "/v1/notices/some-workflow").status)
	require.Equal(t, 200, w.get(t, adminSecret, "/v1/todo?kind=question").status)
}

func TestAPrefixMayBeADot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.Equal(t, 200, w.get(t, "", "/v1/cases?prefix=.").status)
	require.Contains(t, w.temporal.queries[0], "'offload-case/.'")
}

func TestACatchUpOutOfTimeReportsThatTheRestIsToBeRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	caseID, err := converter.GetDefaultDataConverter().ToPayload("c1")
	require.NoError(t, err)
	w.temporal.running = []*workflowpb.WorkflowExecutionInfo{{
		Execution: &commonpb.WorkflowExecution{WorkflowId: "offload-case/left", RunId: "run"}, Type: &commonpb.WorkflowType{Name: workflows.OffloadCaseWorkflow},
		Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(clock),
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeCaseID: caseID}},
	}}
	ctx, cancel := context.WithDeadline(t.Context(), clock) // it has passed
	defer cancel()
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/catch-up", strings.NewReader(`{"since":"2026-05-01T00:00:00Z"}`))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, request)
	require.Equal(t, 200, recorder.Code, recorder.Body)
	var report signalbox.CatchUpReport
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &report))
	require.Zero(t, report.Cases)
	require.Equal(t, []signalbox.CatchUpFailure{{What: "the rest", Error: "the time of one call is over: repeat it"}}, report.Failures)
}

func TestAWaitOutlivesTheDeadlinesOfTheListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/long", workflows.CaseState{Reference: "long", Status: workflows.CaseRunning})
	listener := httptest.NewUnstartedServer(w.server)
	listener.Config.ReadTimeout, listener.Config.WriteTimeout = 2*time.Second, 2*time.Second
	listener.Start()
	t.Cleanup(listener.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, listener.URL+"/v1/cases/long?wait=4s", nil)
	require.NoError(t, err)
	began := time.Now()
	response, err := listener.Client().Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.GreaterOrEqual(t, time.Since(began), 4*time.Second)
}

func TestTheSameStartInAnotherOrderOfNamesAttaches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	apps, _ := signalboxtest.New(t, signalbox.Options{})
	w.deps.Client = apps
	var err error
	w.server, err = api.New(w.deps)
	require.NoError(t, err)
	with := func(metadata string) string {
		return strings.Replace(start("vendor_2048", "emea"), `"request":{`, `"request":{"metadata":`+metadata+`,`, 1)
	}
	for _, c := range []struct {
		metadata string
		status   int
	}{{`{"a":1,"b":"\u00e9"}`, 201}, {`{"b":"é","a":1}`, 200}, {`{"b":"é","a":2}`, 409}} {
		got := w.post(t, "", "/v1/cases", with(c.metadata))
		require.Equal(t, c.status, got.status, "%s: %s", c.metadata, got.body)
	}
}
