package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// StartCase implements StrictServerInterface.
func (s *Server) StartCase(ctx context.Context, request StartCaseRequestObject) (StartCaseResponseObject, error) {
	if err := mayUseAccount(ctx, request.Body.Normalized().Account); err != nil {
		return nil, err
	}
	if err := s.checkNames(ctx, request.Body.Normalized()); err != nil {
		// A start that is repeated finds its case, also if a name has left the configuration meanwhile.
		_, found := s.deps.Client.Case(request.Body.Normalized().Reference).Account(ctx)
		if errors.Is(found, signalbox.ErrNotFound) {
			return nil, err
		} else if found != nil {
			return nil, found
		}
	}
	started, err := s.deps.Client.StartCase(ctx, *request.Body)
	if err != nil {
		return nil, err
	}
	body := StartedCase{Reference: started.Reference(), WorkflowId: started.WorkflowID()}
	location := "/v1/cases/" + started.Reference()
	if started.Attached() {
		return StartCase200JSONResponse{Body: body, Headers: StartCase200ResponseHeaders{Location: location}}, nil
	}
	return StartCase201JSONResponse{Body: body, Headers: StartCase201ResponseHeaders{Location: location}}, nil
}

// checkNames refuses an account or a callback that is not configured: the case would start, and wait until the name is there.
func (s *Server) checkNames(ctx context.Context, start workflows.CaseStart) error {
	if s.deps.Accounts == nil {
		return nil
	}
	var wrong []FieldError
	check := func(field, name string, configured []string) {
		if !slices.Contains(configured, name) {
			wrong = append(wrong, FieldError{Field: field, Detail: fmt.Sprintf("it is not configured (configured: %s)", cmp.Or(strings.Join(configured, ", "), "none"))})
		}
	}
	own := slices.DeleteFunc(slices.Clone(s.deps.Accounts), func(name string) bool { return !caller(ctx).mayUseAccount(name) })
	check("account", start.Account, own)
	for i, name := range start.Notify {
		check(fmt.Sprintf("notify[%d]", i), name, s.deps.Callbacks)
	}
	if len(wrong) > 0 {
		return invalid(wrong...)
	}
	return nil
}

// GetCase implements StrictServerInterface.
func (s *Server) GetCase(ctx context.Context, request GetCaseRequestObject) (GetCaseResponseObject, error) {
	state, err := s.waitForNews(ctx, s.deps.Client.Case(request.Reference), waitTime(request.Params.Wait))
	if err != nil {
		return nil, err
	}
	return GetCase200JSONResponse(state), nil
}

// ProvideInput implements StrictServerInterface.
func (s *Server) ProvideInput(ctx context.Context, request ProvideInputRequestObject) (ProvideInputResponseObject, error) {
	input := *request.Body
	input.By = caller(ctx).Name
	receipt, err := s.deps.Client.Case(request.Reference).ProvideInput(ctx, input)
	return ProvideInput202JSONResponse(receipt), err
}

// CancelCase implements StrictServerInterface.
func (s *Server) CancelCase(ctx context.Context, request CancelCaseRequestObject) (CancelCaseResponseObject, error) {
	receipt, err := s.deps.Client.Case(request.Reference).Cancel(ctx, workflows.CancelCase{Reason: bodyOf(request.Body).Reason, By: caller(ctx).Name})
	return CancelCase200JSONResponse(receipt), err
}

// AdoptCase implements StrictServerInterface.
func (s *Server) AdoptCase(ctx context.Context, request AdoptCaseRequestObject) (AdoptCaseResponseObject, error) {
	receipt, err := s.deps.Client.Case(request.Reference).Adopt(ctx, workflows.AdoptCase{CaseID: request.Body.CaseID, By: caller(ctx).Name})
	return AdoptCase202JSONResponse(receipt), err
}

// RetryCreate implements StrictServerInterface.
func (s *Server) RetryCreate(ctx context.Context, request RetryCreateRequestObject) (RetryCreateResponseObject, error) {
	receipt, err := s.deps.Client.Case(request.Reference).RetryCreate(ctx, workflows.RetryCreate{Request: bodyOf(request.Body).Request, By: caller(ctx).Name})
	return RetryCreate202JSONResponse(receipt), err
}

// ReconcileCase implements StrictServerInterface.
func (s *Server) ReconcileCase(ctx context.Context, request ReconcileCaseRequestObject) (ReconcileCaseResponseObject, error) {
	return ReconcileCase202Response{}, s.deps.Client.Case(request.Reference).ReconcileNow(ctx, caller(ctx).Name)
}

// GetCaseFiles implements StrictServerInterface.
func (s *Server) GetCaseFiles(ctx context.Context, request GetCaseFilesRequestObject) (GetCaseFilesResponseObject, error) {
	files, err := s.deps.Client.Case(request.Reference).FilesNow(ctx)
	return GetCaseFiles200JSONResponse(files), err
}

// GetCaseTranscript implements StrictServerInterface.
func (s *Server) GetCaseTranscript(ctx context.Context, request GetCaseTranscriptRequestObject) (GetCaseTranscriptResponseObject, error) {
	done, err := s.transcriptTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	transcript, err := s.deps.Transcript(ctx, request.Reference)
	return GetCaseTranscript200JSONResponse{Body: transcript, Headers: GetCaseTranscript200ResponseHeaders{CacheControl: "no-store"}}, err
}

// bodyOf is a body that may be left out.
func bodyOf[T any](body *T) T {
	if body == nil {
		var none T
		return none
	}
	return *body
}
