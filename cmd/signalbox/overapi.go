package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// readAnswer reads an answer of the API. Its errors say which flag or variable to set.
func readAnswer[T any](response *http.Response, err error) (T, error) {
	answer, err := api.ReadAnswer[T](response, err)
	refused, isRefusal := errors.AsType[*api.Refusal](err)
	switch {
	case isRefusal && refused.Status == http.StatusUnauthorized:
		err = fmt.Errorf("%w: set SIGNALBOX_API_TOKEN, or SIGNALBOX_API_TOKEN_FILE, to a token that the API knows", err)
	case errors.Is(err, http.ErrSchemeMismatch):
		err = fmt.Errorf("%w: --api (SIGNALBOX_API): the server speaks no TLS: use http://", errUsage)
	case errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("%w: does signalbox-dev or signalbox serve run there? --api (SIGNALBOX_API) has its URL", err)
	case !isRefusal && errors.Is(err, signalbox.ErrInvalid):
		err = fmt.Errorf("%w: --api (SIGNALBOX_API): status %d is no answer of the API, which is on the internal listener, by default :8081", errUsage, response.StatusCode)
	}
	return answer, err
}

// overAPI implements both backends over the HTTP API. The API takes the name of the person from the token.
type overAPI struct{ *api.Client }

func (o *overAPI) StartCase(ctx context.Context, start workflows.CaseStart) (oneCase, error) {
	// The API refuses an empty reference, which this client always sends.
	start.Reference = start.Normalized().Reference
	response, err := o.Client.StartCase(ctx, start)
	started, err := readAnswer[api.StartedCase](response, err)
	return caseOverAPI{o.Client, started.Reference, err == nil && response.StatusCode == http.StatusOK}, err
}

func (o *overAPI) Case(reference string) oneCase {
	return caseOverAPI{api: o.Client, reference: reference}
}

func (o *overAPI) ShowActivation(ctx context.Context, agent, activationID string, user bool) (api.Activation, error) {
	return readAnswer[api.Activation](o.GetActivation(ctx, agent, activationID, &api.GetActivationParams{User: user}))
}

func (o *overAPI) CloseRun(ctx context.Context, agent, activationID string, closeRun workflows.CloseRun) (workflows.Run, error) {
	return readAnswer[workflows.Run](o.CloseRunWithBody(ctx, agent, activationID, closeRun.RunID, "application/json", reasonBody(closeRun.Reason)))
}

func (o *overAPI) CancelApproval(ctx context.Context, agent, activationID string, cancel workflows.CancelApproval) (workflows.Approval, error) {
	return readAnswer[workflows.Approval](o.CancelApprovalWithBody(ctx, agent, activationID, cancel.MessageID, "application/json", reasonBody(cancel.Reason)))
}

// reasonBody has the reason alone: the path has the ID, and the API refuses it in the body.
func reasonBody(reason string) io.Reader {
	body, _ := json.Marshal(struct { // text always encodes
		Reason string `json:"reason,omitempty"`
	}{reason})
	return bytes.NewReader(body)
}

func (o *overAPI) ListCases(ctx context.Context, f signalbox.CaseFilter) (signalbox.CasePage, error) {
	return readAnswer[signalbox.CasePage](o.Client.ListCases(ctx, &api.ListCasesParams{
		State: f.States, Attention: f.Attention, NeedsAttention: f.NeedsAttention, Account: f.Accounts, CaseId: f.CaseID, Prefix: f.ReferencePrefix,
		Open: api.ListCasesParamsOpen(f.Open), StartedSince: f.StartedSince, StartedBefore: f.StartedBefore, Cursor: f.Cursor, Limit: f.Limit,
	}))
}

func (o *overAPI) ListActivations(ctx context.Context, f signalbox.ActivationFilter) (signalbox.ActivationPage, error) {
	return readAnswer[signalbox.ActivationPage](o.Client.ListActivations(ctx, &api.ListActivationsParams{
		State: f.States, Attention: f.Attention, NeedsAttention: f.NeedsAttention, Agent: f.Agents,
		Open: api.ListActivationsParamsOpen(f.Open), StartedSince: f.StartedSince, StartedBefore: f.StartedBefore, Cursor: f.Cursor, Limit: f.Limit,
	}))
}

func (o *overAPI) ListNoticeSources(ctx context.Context, f signalbox.NoticeSourceFilter) (signalbox.NoticeSourcePage, error) {
	params := api.ListNoticesParams{GivenUp: f.GivenUp, Open: api.ListNoticesParamsOpen(f.Open), Cursor: f.Cursor, Limit: f.Limit}
	if f.SourcePrefix != "" {
		agent, rest, whole := strings.Cut(strings.TrimPrefix(f.SourcePrefix, workflows.ArtmailActivationWorkflow+"/"), "/")
		if !whole || rest != "" || f.SourcePrefix != workflows.ArtmailActivationWorkflow+"/"+agent+"/" {
			return signalbox.NoticeSourcePage{}, fmt.Errorf("%w: --prefix: the API knows only artmail-activation/AGENT/", errUsage)
		}
		params.Agent = agent
	}
	return readAnswer[signalbox.NoticeSourcePage](o.ListNotices(ctx, &params))
}

func (o *overAPI) Notices(ctx context.Context, source string) (workflows.NotifyState, error) {
	return readAnswer[workflows.NotifyState](o.GetNotices(ctx, source))
}

func (o *overAPI) ResendNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error) {
	which.By = ""
	return readAnswer[workflows.NoticesSelected](o.Client.ResendNotices(ctx, source, which))
}

func (o *overAPI) DismissNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error) {
	which.By = ""
	return readAnswer[workflows.NoticesSelected](o.Client.DismissNotices(ctx, source, which))
}

func (o *overAPI) ToDo(ctx context.Context, options signalbox.ToDoOptions) (signalbox.ToDoList, error) {
	if options.Accounts != nil || options.Agents != nil {
		return signalbox.ToDoList{}, fmt.Errorf("%w: --account, --agent: the API lists what the token may see: leave them out", errUsage)
	}
	return readAnswer[signalbox.ToDoList](o.ListToDo(ctx, &api.ListToDoParams{Kind: options.Kinds, Cursor: options.Cursor, Limit: options.Limit}))
}

// CatchUp repeats the call until all cases are read, since the API bounds the time of one.
func (o *overAPI) CatchUp(ctx context.Context, options signalbox.CatchUpOptions) (signalbox.CatchUpReport, error) {
	var all signalbox.CatchUpReport
	body := api.CatchUp{Since: options.Since, DryRun: options.DryRun}
	for {
		part, err := readAnswer[signalbox.CatchUpReport](o.Client.CatchUp(ctx, body))
		if body.Cursor == "" {
			all = part
		} else {
			all.Cases.Done += part.Cases.Done
			all.Cases.Skipped += part.Cases.Skipped
			all.Cases.Failed += part.Cases.Failed
			all.Failures, all.Next = append(all.Failures, part.Failures...), part.Next
		}
		if err != nil || part.Next == "" || part.Next == body.Cursor {
			return all, err
		}
		body.Cursor = part.Next
	}
}

func (o *overAPI) List(ctx context.Context, f inbox.Filter) (inbox.Page, error) {
	return readAnswer[inbox.Page](o.ListDeliveries(ctx, &api.ListDeliveriesParams{
		State: f.States, Provider: api.ListDeliveriesParamsProvider(f.Provider), Agent: f.Scope, Kind: f.Kind, Lane: f.Lane, Since: f.Since, Until: f.Until,
		Cursor: f.Cursor, Limit: f.Limit,
	}))
}

func (o *overAPI) Count(ctx context.Context) (inboxadmin.Counts, error) {
	return readAnswer[inboxadmin.Counts](o.CountDeliveries(ctx))
}

func (o *overAPI) Show(ctx context.Context, id string) (inboxadmin.Shown, error) {
	return readAnswer[inboxadmin.Shown](o.GetDelivery(ctx, id))
}

func (o *overAPI) Reveal(ctx context.Context, id string) (inboxadmin.Shown, error) {
	return readAnswer[inboxadmin.Shown](o.RevealDelivery(ctx, id))
}

func (o *overAPI) Replay(ctx context.Context, id string) (inboxadmin.Replayed, error) {
	return readAnswer[inboxadmin.Replayed](o.ReplayDelivery(ctx, id))
}

func (o *overAPI) ReplayAll(ctx context.Context, f inbox.Filter) (inboxadmin.Replayed, error) {
	return readAnswer[inboxadmin.Replayed](o.ReplayDeliveries(ctx, api.DeliveryFilter{
		States: f.States, Provider: api.DeliveryFilterProvider(f.Provider), Agent: f.Scope, Kind: f.Kind, Lane: f.Lane, Since: f.Since, Until: f.Until,
	}))
}

func (o *overAPI) Dismiss(ctx context.Context, id string) (inboxadmin.Dismissed, error) {
	return readAnswer[inboxadmin.Dismissed](o.DismissDelivery(ctx, id))
}

func (o *overAPI) Release(ctx context.Context, agent string) (inboxadmin.Released, error) {
	return readAnswer[inboxadmin.Released](o.ReleaseDeliveries(ctx, api.Release{Agent: agent}))
}

func (o *overAPI) Purge(ctx context.Context, request inbox.PurgeRequest) (inbox.Purged, error) {
	return readAnswer[inbox.Purged](o.PurgeDeliveries(ctx, api.Purge{BodiesBefore: request.BodiesBefore, RowsBefore: request.RowsBefore}))
}

func (o *overAPI) AuditPage(ctx context.Context, cursor string, limit int) (inboxadmin.AuditPage, error) {
	return readAnswer[inboxadmin.AuditPage](o.ListAudit(ctx, &api.ListAuditParams{Cursor: cursor, Limit: limit}))
}

// caseOverAPI implements oneCase over the HTTP API.
type caseOverAPI struct {
	api       *api.Client
	reference string
	attached  bool
}

func (c caseOverAPI) Reference() string  { return c.reference }
func (c caseOverAPI) WorkflowID() string { return workflows.OffloadCaseWorkflowID(c.reference) }
func (c caseOverAPI) Attached() bool     { return c.attached }

func (c caseOverAPI) State(ctx context.Context) (workflows.CaseState, error) {
	return readAnswer[workflows.CaseState](c.api.GetCase(ctx, c.reference, nil))
}

const (
	// waitAtOnce is how long the API waits in one call; its maximum is 60s.
	waitAtOnce = "60s"
	// waitPause is the pause between two calls, because a call may return at once: the case has an open question, or the API is unavailable and
	// sends no Retry-After.
	waitPause = 5 * time.Second
)

// Wait goes on after an ErrUnavailable, but only once the API has answered a call: before that, its URL may be wrong.
func (c caseOverAPI) Wait(ctx context.Context, asks func(workflows.Question), retrying func(error)) (workflows.CaseOutcome, error) {
	wait := &api.GetCaseParams{}
	for {
		response, err := c.api.GetCase(ctx, c.reference, wait)
		state, err := readAnswer[workflows.CaseState](response, err)
		switch {
		case ctx.Err() != nil:
			return workflows.CaseOutcome{}, fmt.Errorf("wait for case %s: %w", c.reference, ctx.Err())
		case err != nil && (!errors.Is(err, signalbox.ErrUnavailable) || wait.Wait == "" && !errors.As(err, new(*api.Refusal))):
			return workflows.CaseOutcome{}, err
		case err == nil && state.Outcome != nil:
			return *state.Outcome, nil
		}
		if open := openQuestion(state); err == nil && open != nil {
			asks(*open)
		}
		if err != nil {
			retrying(err)
			health.Sleep(ctx, retryAfter(response))
		} else if wait.Wait != "" && state.Status == workflows.CaseInputNeeded {
			health.Sleep(ctx, waitPause)
		}
		wait.Wait = waitAtOnce
	}
}

// retryAfter returns the pause that an answer asks for, from a second to a minute; waitPause without one. The answer is nil if none came.
func retryAfter(response *http.Response) time.Duration {
	if response != nil {
		if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 16); err == nil {
			return min(max(time.Duration(seconds)*time.Second, time.Second), time.Minute)
		}
	}
	return waitPause
}

func (c caseOverAPI) ProvideInput(ctx context.Context, input workflows.ProvideInput) (workflows.InputReceipt, error) {
	input.By = ""
	return readAnswer[workflows.InputReceipt](c.api.ProvideInput(ctx, c.reference, input))
}

func (c caseOverAPI) Adopt(ctx context.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error) {
	adopt.By = ""
	return readAnswer[workflows.CaseReceipt](c.api.AdoptCase(ctx, c.reference, adopt))
}

func (c caseOverAPI) RetryCreate(ctx context.Context, retry workflows.RetryCreate) (workflows.CaseReceipt, error) {
	retry.By = ""
	return readAnswer[workflows.CaseReceipt](c.api.RetryCreate(ctx, c.reference, retry))
}

func (c caseOverAPI) Cancel(ctx context.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error) {
	cancel.By = ""
	return readAnswer[workflows.CaseReceipt](c.api.CancelCase(ctx, c.reference, cancel))
}

func (c caseOverAPI) FilesNow(ctx context.Context) (workflows.CaseFiles, error) {
	return readAnswer[workflows.CaseFiles](c.api.GetCaseFiles(ctx, c.reference))
}

func (c caseOverAPI) ReconcileNow(ctx context.Context, _ string) error {
	_, err := readAnswer[struct{}](c.api.ReconcileCase(ctx, c.reference))
	return err
}
