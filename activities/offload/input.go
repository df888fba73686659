package offload

import (
	"context"
	"errors"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

// ProvideInput is the activity "offload.provide-input": POST /cases/{id}/input. Every transient failure is retried, even a lost response:
// Offload accepts one answer to a question and refuses a second with 409 (Offload, "Provide case input"). A refusal is a result and not an
// error, since the workflow and a person wait for it.
func (a *Activities) ProvideInput(ctx context.Context, p workflows.ProvideInputParams) (workflows.ProvideInputResult, error) {
	err := a.provideInput(ctx, p)
	result := workflows.ProvideInputResult{Result: inputResult(err)}
	switch result.Result {
	case "":
		return workflows.ProvideInputResult{}, a.failure(ctx, mayRepeat, callPacing, err)
	case workflows.InputNotWaiting, workflows.InputMismatch, workflows.InputRejected:
		result.Message = err.Error()
	case workflows.InputAccepted, workflows.InputAlreadyResolved:
	case workflows.InputUnsettled, workflows.InputOvertaken: // set by the workflow only
	}
	return result, nil
}

func (a *Activities) provideInput(ctx context.Context, p workflows.ProvideInputParams) error {
	client, err := a.account(p.Account)
	if err != nil {
		return err
	}
	call, cancel := callContext(ctx)
	defer cancel()
	return client.ProvideInput(call, p.CaseID, p.QuestionID, p.Text)
}

// inputResult returns the result of the call; empty if the call has to be retried.
//
// After a lost response, INPUT_REQUEST_NOT_PENDING is about our answer; on a first attempt, it is about another person's. In both cases the
// question is answered. CASE_NOT_WAITING_FOR_INPUT can also follow a lost response, if Offload has processed the answer by then.
func inputResult(err error) workflows.InputResult {
	switch {
	case err == nil:
		return workflows.InputAccepted
	case errors.Is(err, offloadapi.ErrNotPending):
		return workflows.InputAlreadyResolved
	case errors.Is(err, offloadapi.ErrNotWaiting):
		return workflows.InputNotWaiting
	case errors.Is(err, offloadapi.ErrMismatch):
		return workflows.InputMismatch
	case errors.Is(err, offloadapi.ErrThrottled), errors.Is(err, offloadapi.ErrUsageLimit):
		return ""
	case errors.Is(err, offloadapi.ErrRefused), errors.Is(err, offloadapi.ErrInvalidArgument), errors.Is(err, errUnknownAccount):
		return workflows.InputRejected
	}
	return ""
}
