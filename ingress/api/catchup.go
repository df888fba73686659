package api

import (
	"context"
	"errors"

	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

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
