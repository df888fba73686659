package api

import (
	"context"
	"slices"

	"go.uber.org/zap"

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
			return nil, refused.withFix()
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
