package api

import (
	"context"
	"errors"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
)

// A delivery does not tell its Offload account. So a limited token sees the deliveries of its agents only: it names one in lists, and gets no
// delivery of another.

// ListDeliveries implements StrictServerInterface.
func (s *Server) ListDeliveries(ctx context.Context, request ListDeliveriesRequestObject) (ListDeliveriesResponseObject, error) {
	p := request.Params
	filter, err := deliveryFilter(ctx, DeliveryFilter{
		States: p.State, Provider: DeliveryFilterProvider(p.Provider), Agent: p.Agent, Kind: p.Kind, Reference: p.Reference, Lane: p.Lane,
		Since: p.Since, Until: p.Until,
	})
	if err != nil {
		return nil, err
	}
	admin, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.reading.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.reading.Release(1)
	filter.Cursor, filter.Limit = p.Cursor, p.Limit
	page, err := admin.List(ctx, filter)
	return ListDeliveries200JSONResponse(page), err
}

// CountDeliveries implements StrictServerInterface.
func (s *Server) CountDeliveries(ctx context.Context, _ CountDeliveriesRequestObject) (CountDeliveriesResponseObject, error) {
	admin, err := s.adminOfAll(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.counting.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.counting.Release(1)
	counts, err := admin.Count(ctx)
	return CountDeliveries200JSONResponse(counts), err
}

// GetDelivery implements StrictServerInterface.
func (s *Server) GetDelivery(ctx context.Context, request GetDeliveryRequestObject) (GetDeliveryResponseObject, error) {
	admin, err := s.adminFor(ctx, request.Id)
	if err != nil {
		return nil, err
	}
	shown, err := admin.Show(ctx, request.Id)
	return GetDelivery200JSONResponse(shown), err
}

// RevealDelivery implements StrictServerInterface.
func (s *Server) RevealDelivery(ctx context.Context, request RevealDeliveryRequestObject) (RevealDeliveryResponseObject, error) {
	admin, err := s.adminFor(ctx, request.Id)
	if err != nil {
		return nil, err
	}
	shown, err := admin.Reveal(ctx, request.Id)
	return RevealDelivery200JSONResponse{Body: shown, Headers: RevealDelivery200ResponseHeaders{CacheControl: "no-store"}}, err
}

// ReplayDelivery implements StrictServerInterface.
func (s *Server) ReplayDelivery(ctx context.Context, request ReplayDeliveryRequestObject) (ReplayDeliveryResponseObject, error) {
	admin, err := s.adminFor(ctx, request.Id)
	if err != nil {
		return nil, err
	}
	done, err := admin.Replay(ctx, request.Id)
	return ReplayDelivery200JSONResponse(done), err
}

// ReplayDeliveries implements StrictServerInterface.
func (s *Server) ReplayDeliveries(ctx context.Context, request ReplayDeliveriesRequestObject) (ReplayDeliveriesResponseObject, error) {
	filter, err := deliveryFilter(ctx, *request.Body)
	if err != nil {
		return nil, err
	}
	admin, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	done, err := admin.ReplayAll(ctx, filter)
	return ReplayDeliveries200JSONResponse(done), err
}

// DismissDelivery implements StrictServerInterface.
func (s *Server) DismissDelivery(ctx context.Context, request DismissDeliveryRequestObject) (DismissDeliveryResponseObject, error) {
	admin, err := s.adminFor(ctx, request.Id)
	if err != nil {
		return nil, err
	}
	done, err := admin.Dismiss(ctx, request.Id)
	if errors.Is(err, inboxadmin.ErrNotDismissible) {
		err = problem(problemConflict, err.Error())
	}
	return DismissDelivery200JSONResponse(done), err
}

// ReleaseDeliveries implements StrictServerInterface.
func (s *Server) ReleaseDeliveries(ctx context.Context, request ReleaseDeliveriesRequestObject) (ReleaseDeliveriesResponseObject, error) {
	agent := bodyOf(request.Body).Agent
	if err := mayUseDeliveries(ctx, agent); err != nil {
		return nil, err
	}
	admin, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	done, err := admin.Release(ctx, agent)
	return ReleaseDeliveries200JSONResponse(done), err
}

// PurgeDeliveries implements StrictServerInterface.
func (s *Server) PurgeDeliveries(ctx context.Context, request PurgeDeliveriesRequestObject) (PurgeDeliveriesResponseObject, error) {
	admin, err := s.adminOfAll(ctx)
	if err != nil {
		return nil, err
	}
	done, err := admin.Purge(ctx, inbox.PurgeRequest{Now: s.deps.Now(), BodiesBefore: request.Body.BodiesBefore, RowsBefore: request.Body.RowsBefore})
	return PurgeDeliveries200JSONResponse(done), err
}

// ListAudit implements StrictServerInterface.
func (s *Server) ListAudit(ctx context.Context, request ListAuditRequestObject) (ListAuditResponseObject, error) {
	admin, err := s.adminOfAll(ctx)
	if err != nil {
		return nil, err
	}
	page, err := admin.AuditPage(ctx, request.Params.Cursor, request.Params.Limit)
	return ListAudit200JSONResponse(page), err
}

// deliveryFilter is a filter that the caller may use.
func deliveryFilter(ctx context.Context, f DeliveryFilter) (inbox.Filter, error) {
	if err := mayUseDeliveries(ctx, f.Agent); err != nil {
		return inbox.Filter{}, err
	}
	lane := f.Lane
	if f.Reference != "" {
		if lane != "" {
			return inbox.Filter{}, invalid(FieldError{Field: "lane", Detail: "give lane or reference, not both"})
		}
		lane = workflows.OffloadCaseWorkflowID(f.Reference)
	}
	return inbox.Filter{
		States: f.States, Provider: string(f.Provider), Scope: f.Agent, Kind: f.Kind, Lane: lane, Since: f.Since, Until: f.Until,
	}, nil
}
