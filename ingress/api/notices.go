package api

import (
	"context"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

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
