// Package stories has steps of tests that play a case or activation from start to end against a whole server.
package stories

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Main is the whole of a TestMain: it ends the process with the code of run, or prints its error and ends with 1. run starts what the tests share,
// runs them and stops it.
func Main(m *testing.M, run func(*testing.M) (int, error)) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// mostQueryFailed is how often a query may fail: without the sticky cache its replay fails if the history goes on meanwhile
// (https://github.com/temporalio/sdk-go/issues/755).
const mostQueryFailed = 5

// Retry makes a call, and makes it again while Temporal is too busy for it. The call must be safe to repeat.
func Retry[S any](ctx context.Context, call func(context.Context) (S, error)) (S, error) {
	var failed error
	refused := 0
	got, err := testenv.Await(ctx, func(ctx context.Context) (S, error) {
		got, err := call(ctx)
		if errors.Is(err, signalbox.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*serviceerror.DeadlineExceeded)) ||
			errors.As(err, new(*serviceerror.Unavailable)) || errors.As(err, new(*serviceerror.ResourceExhausted)) || errors.As(err, new(*serviceerror.WorkflowNotReady)) {
			return got, err
		}
		if refused++; refused < mostQueryFailed && errors.As(err, new(*serviceerror.QueryFailed)) {
			return got, err
		}
		failed = err
		return got, nil
	}, func(S) bool { return true })
	return got, errors.Join(err, failed)
}

// MustRetry is Retry, and fails the test if the call fails.
func MustRetry[S any](t testing.TB, call func(context.Context) (S, error)) S {
	t.Helper()
	got, err := Retry(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// once is Retry for a call that succeeds once only. If a repeated call fails with an error that made accepts, an earlier one has succeeded and
// its response was lost.
func once(ctx context.Context, call func(context.Context) error, made func(error) bool) error {
	again := false
	_, err := Retry(ctx, func(ctx context.Context) (bool, error) {
		err := call(ctx)
		if again && made(err) {
			err = nil
		}
		again = true
		return true, err
	})
	return err
}

// Start starts a case as a business app does. A repeated start starts it once.
func Start(ctx context.Context, apps *signalbox.Client, start workflows.CaseStart) (*signalbox.Case, error) {
	return Retry(ctx, func(ctx context.Context) (*signalbox.Case, error) { return apps.StartCase(ctx, start) })
}

// StartCase is Start, and fails the test if the start fails.
func StartCase(t testing.TB, apps *signalbox.Client, start workflows.CaseStart) *signalbox.Case {
	t.Helper()
	one, err := Start(t.Context(), apps, start)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// Answer answers a question of a case once.
func Answer(ctx context.Context, one *signalbox.Case, input workflows.ProvideInput) error {
	return once(ctx, func(ctx context.Context) error {
		_, err := one.ProvideInput(ctx, input)
		return err
	}, func(err error) bool { return errors.Is(err, signalbox.ErrAlreadyAnswered) })
}

// Adopt adopts a case of Offload. A repeated adoption of the same case changes nothing.
func Adopt(ctx context.Context, one *signalbox.Case, adopt workflows.AdoptCase) error {
	_, err := Retry(ctx, func(ctx context.Context) (workflows.CaseReceipt, error) { return one.Adopt(ctx, adopt) })
	return err
}

// RetryCreate calls retry-create until it succeeds. An earlier call whose response was lost counts as success.
func RetryCreate(ctx context.Context, one *signalbox.Case, retry workflows.RetryCreate) error {
	return once(ctx, func(ctx context.Context) error {
		_, err := one.RetryCreate(ctx, retry)
		return err
	}, func(err error) bool {
		return errors.Is(err, signalbox.ErrNotUncertain) || errors.Is(err, signalbox.ErrEnded)
	})
}

// CancelCase cancels a running case.
func CancelCase(ctx context.Context, one *signalbox.Case, why workflows.CancelCase) error {
	_, err := Retry(ctx, func(ctx context.Context) (workflows.CaseReceipt, error) { return one.Cancel(ctx, why) })
	if errors.Is(err, signalbox.ErrEnded) { // by a call whose response was lost
		return nil
	}
	return err
}

// RequestApprovals registers each request once.
func RequestApprovals(t testing.TB, one *signalbox.Activation, requests ...workflows.ApprovalRequest) []workflows.Approval {
	t.Helper()
	return MustRetry(t, func(ctx context.Context) ([]workflows.Approval, error) { return one.RequestApprovals(ctx, requests...) })
}

// Execute starts a workflow once, however often Temporal is asked to.
func Execute(t testing.TB, temporal client.Client, options client.StartWorkflowOptions, workflow any, args ...any) client.WorkflowRun {
	t.Helper()
	return MustRetry(t, func(ctx context.Context) (client.WorkflowRun, error) {
		return temporal.ExecuteWorkflow(ctx, options, workflow, args...)
	})
}

// Signal sends a signal that may come twice.
func Signal(t testing.TB, temporal client.Client, workflowID, name string, arg any) {
	t.Helper()
	if err := once(t.Context(), func(ctx context.Context) error {
		return temporal.SignalWorkflow(ctx, workflowID, "", name, arg)
	}, func(err error) bool { return errors.As(err, new(*serviceerror.NotFound)) }); err != nil { // NotFound: the signal has ended it
		t.Fatal(err)
	}
}

// Update updates a workflow and decodes the result into `into`, unless it is nil. It repeats the call with one update ID, because the server also
// gives up an update if a new event makes it refuse the workflow task.
func Update(t testing.TB, temporal client.Client, workflowID, name string, arg, into any) {
	t.Helper()
	updateID := uuid.NewString()
	MustRetry(t, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		handle, err := temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: workflowID, UpdateID: updateID, UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{arg},
		})
		if err != nil {
			return nil, err
		}
		return handle, handle.Get(ctx, into)
	})
}

// Describe describes the newest run of a workflow.
func Describe(t testing.TB, temporal client.Client, workflowID string) *workflowservice.DescribeWorkflowExecutionResponse {
	t.Helper()
	return MustRetry(t, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	})
}

// History returns the events of a run of a workflow; without an ID, of its newest.
func History(t testing.TB, temporal client.Client, workflowID, runID string) *historypb.History {
	t.Helper()
	return MustRetry(t, func(ctx context.Context) (*historypb.History, error) {
		history := &historypb.History{}
		for events := temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
			event, err := events.Next()
			if err != nil {
				return nil, err
			}
			history.Events = append(history.Events, event)
		}
		return history, nil
	})
}

// Cancel cancels a workflow in Temporal.
func Cancel(t testing.TB, temporal client.Client, workflowID string) {
	t.Helper()
	MustRetry(t, func(ctx context.Context) (bool, error) { return true, temporal.CancelWorkflow(ctx, workflowID, "") })
}

// Terminate terminates a workflow.
func Terminate(t testing.TB, temporal client.Client, workflowID string) {
	t.Helper()
	MustRetry(t, func(ctx context.Context) (bool, error) {
		err := temporal.TerminateWorkflow(ctx, workflowID, "", "test")
		if d, described := temporal.DescribeWorkflow(ctx, workflowID, ""); err != nil && described == nil && d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
			err = nil // by a call whose response was lost
		}
		return true, err
	})
}

// ContinueAsNew makes a workflow continue as new.
func ContinueAsNew(t testing.TB, temporal client.Client, workflowID string) {
	t.Helper()
	before := Describe(t, temporal, workflowID).GetWorkflowExecutionInfo().GetExecution().GetRunId()
	sent := false
	testenv.Eventually(t, func(ctx context.Context) (string, error) {
		described, err := temporal.DescribeWorkflowExecution(ctx, workflowID, "")
		now := described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		if err != nil || now != before || sent {
			return now, err
		}
		err = temporal.SignalWorkflow(ctx, workflowID, before, workflows.SignalForceContinueAsNew, nil)
		sent = err == nil
		return now, err
	}, func(now string) bool { return now != before })
}

// Offload is a provider that shows which cases it has, all and for a reference, and can send their webhooks again.
type Offload interface {
	Cases() []offloadsim.Record
	CasesOf(reference string) []offloadsim.Record
	SendWebhook(caseID, event string, overrides map[string]any) error
}

// Elsewhere is a simulated Offload of another process, by its base URL.
type Elsewhere string

// Cases returns all cases, and none if the other process does not answer.
func (e Elsewhere) Cases() (all []offloadsim.Record) {
	if e.call(http.MethodGet, "/sim/cases", nil, &all) != nil {
		return nil
	}
	return all
}

// CasesOf returns the cases with a reference.
func (e Elsewhere) CasesOf(reference string) []offloadsim.Record {
	return slices.DeleteFunc(e.Cases(), func(r offloadsim.Record) bool { return r.ClientReferenceID != reference })
}

// SendWebhook has the other process send a webhook.
func (e Elsewhere) SendWebhook(caseID, event string, overrides map[string]any) error {
	return e.call(http.MethodPost, "/sim/cases/"+caseID+"/webhook", map[string]any{"event": event, "data": overrides}, nil)
}

func (e Elsewhere) call(method, path string, body, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, string(e)+path, bytes.NewReader(sent)) //nolint:noctx // the interface has no context; the client has a timeout
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := elsewhere.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

var elsewhere = &http.Client{Timeout: time.Minute}

// Attended returns a function that reads a case, resolves an uncertain creation as a person would, and resends what Offload could not deliver. A busy
// server can lose an activity task, which makes a creation uncertain.
func Attended(offload Offload, one *signalbox.Case) func(context.Context) (workflows.CaseState, error) {
	resend := time.After(0)
	return func(ctx context.Context) (workflows.CaseState, error) {
		select {
		case <-resend:
			resend = time.After(time.Second)
			if err := Resend(offload, offload.CasesOf(one.Reference())); err != nil {
				return workflows.CaseState{}, err
			}
		default:
		}
		state, err := one.State(ctx)
		if err != nil || state.Status != workflows.CaseCreateUncertain {
			return state, err
		}
		if made := offload.CasesOf(one.Reference()); len(made) > 0 {
			_, err = one.Adopt(ctx, workflows.AdoptCase{CaseID: made[0].CaseID, By: "ada"})
		} else {
			_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
		}
		return state, err
	}
}

// Busy reports whether a busy machine may give this status: 408, 503, or 0 for no answer.
func Busy(status int) bool {
	return slices.Contains([]int{0, http.StatusRequestTimeout, http.StatusServiceUnavailable}, status)
}

// Undelivered says that a webhook did not arrive because the machine is busy, and not because of a planned fault.
func Undelivered(attempt courier.Attempt) bool {
	return attempt.Fault == courier.None && Busy(attempt.Status)
}

// Resend has Offload send the webhooks of cases again that are undelivered. By itself Offload sends each once.
func Resend(offload Offload, cases []offloadsim.Record) error {
	for _, one := range cases {
		last := map[string]courier.Attempt{}
		for _, attempt := range one.Webhooks {
			last[attempt.Event] = attempt
		}
		for event, attempt := range last {
			if !Undelivered(attempt) {
				continue
			}
			if err := offload.SendWebhook(one.CaseID, event, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// ResendAll resends, once a second until the context ends, what simulated Offloads could not deliver.
func ResendAll(ctx context.Context, all ...Offload) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		for _, one := range all {
			_ = Resend(one, one.Cases()) // what fails is sent a second later
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// Attend resolves each uncertain creation of the default account until the context ends, as Attended does, and resends what a simulated Offload
// could not deliver, for tests that only wait for a case. What it returns says whether the creation of a case needed that.
func Attend(ctx context.Context, apps *signalbox.Client, offload Offload) (needed func(reference string) bool) {
	go ResendAll(ctx, offload)
	var references sync.Map
	go func() {
		again := time.NewTicker(time.Second)
		defer again.Stop()
		for {
			// What fails is found again.
			page, _ := apps.ListCases(ctx, signalbox.CaseFilter{
				Open: signalbox.Open, Accounts: []string{workflows.DefaultAccount}, Attention: []string{workflows.AttentionCreateUncertain},
			})
			for _, row := range page.Cases {
				references.Store(row.Reference, true)
				_, _ = Attended(offload, apps.Case(row.Reference))(ctx)
			}
			select {
			case <-ctx.Done():
				return
			case <-again.C:
			}
		}
	}()
	return func(reference string) bool {
		_, found := references.Load(reference)
		return found
	}
}
