package api

import (
	"context"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// shownActivation is the JSON of an Activation.
type shownActivation struct {
	workflows.ActivationState
	HasAPIKey bool `json:"hasApiKey"`
}

// ShowActivation returns the state without the sealed API key and, unless user is true, without the brand's user.
func ShowActivation(state workflows.ActivationState, user bool) Activation {
	shown := shownActivation{ActivationState: state, HasAPIKey: len(state.SealedAPIKey) > 0}
	shown.SealedAPIKey = nil
	if !user {
		shown.User = nil
	}
	return shown
}

// GetActivation implements StrictServerInterface.
func (s *Server) GetActivation(ctx context.Context, request GetActivationRequestObject) (GetActivationResponseObject, error) {
	state, err := s.deps.Client.Activation(request.Agent, request.ActivationId).State(ctx)
	if err != nil {
		return nil, err
	}
	return GetActivation200JSONResponse(ShowActivation(state, request.Params.User)), nil
}

// RequestApprovals implements StrictServerInterface.
func (s *Server) RequestApprovals(ctx context.Context, request RequestApprovalsRequestObject) (RequestApprovalsResponseObject, error) {
	approvals, err := s.deps.Client.Activation(request.Agent, request.ActivationId).RequestApprovals(ctx, request.Body.Requests...)
	return RequestApprovals200JSONResponse{Approvals: approvals}, err
}

// CancelApproval implements StrictServerInterface.
func (s *Server) CancelApproval(ctx context.Context, request CancelApprovalRequestObject) (CancelApprovalResponseObject, error) {
	approval, err := s.deps.Client.Activation(request.Agent, request.ActivationId).CancelApproval(ctx,
		workflows.CancelApproval{MessageID: request.MessageId, Reason: bodyOf(request.Body).Reason, By: caller(ctx).Name})
	return CancelApproval200JSONResponse(approval), err
}

// OpenRun implements StrictServerInterface.
func (s *Server) OpenRun(ctx context.Context, request OpenRunRequestObject) (OpenRunResponseObject, error) {
	run, err := s.deps.Client.Activation(request.Agent, request.ActivationId).OpenRun(ctx, *request.Body)
	return OpenRun200JSONResponse(run), err
}

// TouchRuns implements StrictServerInterface.
func (s *Server) TouchRuns(ctx context.Context, request TouchRunsRequestObject) (TouchRunsResponseObject, error) {
	return TouchRuns202Response{}, s.deps.Client.Activation(request.Agent, request.ActivationId).TouchRuns(ctx, *request.Body)
}

// CloseRun implements StrictServerInterface.
func (s *Server) CloseRun(ctx context.Context, request CloseRunRequestObject) (CloseRunResponseObject, error) {
	run, err := s.deps.Client.Activation(request.Agent, request.ActivationId).CloseRun(ctx,
		workflows.CloseRun{RunID: request.RunId, Reason: bodyOf(request.Body).Reason, By: caller(ctx).Name})
	return CloseRun200JSONResponse(run), err
}

// RevealAPIKey implements StrictServerInterface.
func (s *Server) RevealAPIKey(ctx context.Context, request RevealAPIKeyRequestObject) (RevealAPIKeyResponseObject, error) {
	state, err := s.deps.Client.Activation(request.Agent, request.ActivationId).State(ctx)
	if err != nil {
		return nil, err
	}
	if len(state.SealedAPIKey) == 0 {
		return nil, noAPIKey(state)
	}
	admin, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	if err := admin.RecordReveal(ctx, "API key of "+workflows.ArtmailActivationWorkflowID(request.Agent, request.ActivationId)); err != nil {
		return nil, err
	}
	key, err := s.deps.Client.OpenAPIKey(workflows.CheckApprovalParams{
		Agent: request.Agent, ActivationID: request.ActivationId, SealedAPIKey: state.SealedAPIKey,
	})
	if err != nil {
		return nil, err
	}
	return RevealAPIKey200JSONResponse{Body: APIKey{ApiKey: key}, Headers: RevealAPIKey200ResponseHeaders{CacheControl: "no-store"}}, nil
}

// noAPIKey returns the error that says why an activation has no API key. While the status is unknown, the key may still come.
func noAPIKey(state workflows.ActivationState) error {
	switch {
	case state.Status == workflows.ActivationDeactivated:
		return problem(problemEnded, "the activation is deactivated, and its API key was dropped")
	case state.Status != workflows.ActivationUnknown && slices.Contains(state.Attention, workflows.AttentionNoAPIKey):
		return problemAPIKeyLost.withFix()
	}
	return problemNoAPIKeyYet.withFix()
}
