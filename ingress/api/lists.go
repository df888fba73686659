package api

import (
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// ListCases implements StrictServerInterface.
func (s *Server) ListCases(ctx context.Context, request ListCasesRequestObject) (ListCasesResponseObject, error) {
	p := request.Params
	accounts, err := within(p.Account, caller(ctx).Accounts, problemOtherAccount)
	if err != nil {
		return nil, err
	}
	page, err := s.deps.Client.ListCases(ctx, signalbox.CaseFilter{
		States: p.State, Attention: p.Attention, NeedsAttention: p.NeedsAttention, Accounts: accounts, CaseID: p.CaseId, ReferencePrefix: p.Prefix,
		Open: signalbox.OpenFilter(p.Open), StartedSince: p.StartedSince, StartedBefore: p.StartedBefore, Cursor: p.Cursor, Limit: p.Limit,
	})
	return ListCases200JSONResponse(page), err
}

// ListActivations implements StrictServerInterface.
func (s *Server) ListActivations(ctx context.Context, request ListActivationsRequestObject) (ListActivationsResponseObject, error) {
	p := request.Params
	agents, err := within(p.Agent, caller(ctx).Agents, problemOtherAgent)
	if err != nil {
		return nil, err
	}
	page, err := s.deps.Client.ListActivations(ctx, signalbox.ActivationFilter{
		States: p.State, Attention: p.Attention, NeedsAttention: p.NeedsAttention, Agents: agents,
		Open: signalbox.OpenFilter(p.Open), StartedSince: p.StartedSince, StartedBefore: p.StartedBefore, Cursor: p.Cursor, Limit: p.Limit,
	})
	return ListActivations200JSONResponse(page), err
}

// within returns the requested values, or all allowed ones if none was requested. An empty allowed means no limit.
func within(asked, allowed []string, refused problemKind) ([]string, error) {
	switch {
	case len(allowed) == 0:
		return asked, nil
	case len(asked) == 0:
		return allowed, nil
	}
	for _, one := range asked {
		if !slices.Contains(allowed, one) {
			return nil, refused.usual()
		}
	}
	return asked, nil
}

// ListToDo implements StrictServerInterface.
func (s *Server) ListToDo(ctx context.Context, request ListToDoRequestObject) (ListToDoResponseObject, error) {
	p, token := request.Params, caller(ctx)
	// The client tells "all", which is nil, from "none".
	options := signalbox.ToDoOptions{
		Kinds: p.Kind, Accounts: orNil(token.Accounts), Agents: orNil(token.Agents), NoCaseDeliveries: token.Limited(), Cursor: p.Cursor, Limit: p.Limit,
	}
	var leftOut []string
	if !token.has(ScopeActivationsRead) {
		options.NoActivations, leftOut = true, append(leftOut, "activations")
	}
	if !token.has(ScopeDeliveriesRead) {
		options.NoDeliveries, leftOut = true, append(leftOut, "deliveries")
	}
	list, err := s.deps.Client.ToDo(ctx, options)
	list.LeftOut = leftOut
	// What failed is for operators: it may name hosts and users.
	if list.DeliveriesMissing != "" {
		s.deps.Log.Warn("to-do list without deliveries", zap.String("why", list.DeliveriesMissing))
		list.DeliveriesMissing = "the inbox could not be read: /readyz and the log say more"
	}
	for i := range list.Items {
		if note := &list.Items[i].Note; *note != "" {
			*note = "No details: no worker has answered in time."
		}
	}
	return ListToDo200JSONResponse(list), err
}

func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// ReconcileCase implements StrictServerInterface.
func (s *Server) ReconcileCase(ctx context.Context, request ReconcileCaseRequestObject) (ReconcileCaseResponseObject, error) {
	one, err := s.allowedCase(ctx, request.Reference)
	if err != nil {
		return nil, err
	}
	return ReconcileCase202Response{}, one.ReconcileNow(ctx, caller(ctx).Name)
}

// CatchUp implements StrictServerInterface.
func (s *Server) CatchUp(ctx context.Context, request CatchUpRequestObject) (CatchUpResponseObject, error) {
	if caller(ctx).Limited() {
		return nil, errWhole
	}
	report, err := s.deps.Client.CatchUp(ctx, signalbox.CatchUpOptions{
		Since: request.Body.Since, DryRun: request.Body.DryRun, By: caller(ctx).Name, Cursor: request.Body.Cursor,
	})
	outOfTime := errors.Is(err, context.DeadlineExceeded) || err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	if outOfTime || err != nil && !report.Empty() {
		// The report has what was done. With a new Next the caller goes on there, and gets the error if it lasts.
		if report.Next == request.Body.Cursor {
			rest := signalbox.CatchUpFailure{What: "the rest", Error: "the time of one call is over: repeat it"}
			if !outOfTime {
				rest.Error = err.Error()
			}
			report.Failures = append(report.Failures, rest)
		}
		err = nil
	}
	return CatchUp200JSONResponse(report), err
}

// ListNotices implements StrictServerInterface.
func (s *Server) ListNotices(ctx context.Context, request ListNoticesRequestObject) (ListNoticesResponseObject, error) {
	p, token := request.Params, caller(ctx)
	if err := mayUseAgent(ctx, p.Agent); err != nil {
		return nil, err
	}
	filter := signalbox.NoticeSourceFilter{GivenUp: p.GivenUp, Open: signalbox.OpenFilter(p.Open), Cursor: p.Cursor, Limit: p.Limit}
	if p.Agent != "" {
		filter.SourcePrefix = workflows.ArtmailActivationWorkflow + "/" + p.Agent + "/"
	}
	page, err := s.deps.Client.ListNoticeSources(ctx, filter)
	page.Sources = slices.DeleteFunc(page.Sources, func(one signalbox.NoticeSource) bool {
		if one.Agent != "" {
			return !token.mayUseAgent(one.Agent)
		}
		return !token.mayUseAccount(one.Account)
	})
	return ListNotices200JSONResponse(page), err
}

// GetNotices implements StrictServerInterface.
func (s *Server) GetNotices(ctx context.Context, request GetNoticesRequestObject) (GetNoticesResponseObject, error) {
	if err := s.mayUseSource(ctx, request.Source, ScopeCasesRead, ScopeActivationsRead); err != nil {
		return nil, err
	}
	state, err := s.deps.Client.Notices(ctx, request.Source)
	return GetNotices200JSONResponse(state), err
}

// ResendNotices implements StrictServerInterface.
func (s *Server) ResendNotices(ctx context.Context, request ResendNoticesRequestObject) (ResendNoticesResponseObject, error) {
	if err := s.mayUseSource(ctx, request.Source, ScopeCasesWrite, ScopeActivationsWrite); err != nil {
		return nil, err
	}
	selected, err := s.deps.Client.ResendNotices(ctx, request.Source, selection(ctx, request.Body))
	return ResendNotices200JSONResponse(selected), noticeProblem(err)
}

// DismissNotices implements StrictServerInterface.
func (s *Server) DismissNotices(ctx context.Context, request DismissNoticesRequestObject) (DismissNoticesResponseObject, error) {
	if err := s.mayUseSource(ctx, request.Source, ScopeCasesWrite, ScopeActivationsWrite); err != nil {
		return nil, err
	}
	selected, err := s.deps.Client.DismissNotices(ctx, request.Source, selection(ctx, request.Body))
	return DismissNotices200JSONResponse(selected), noticeProblem(err)
}

func selection(ctx context.Context, body *workflows.SelectNotices) workflows.SelectNotices {
	which := bodyOf(body)
	which.By = caller(ctx).Name
	return which
}
