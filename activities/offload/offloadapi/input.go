package offloadapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// inputRequest is the body of POST /cases/{id}/input (Offload, "Provide case input").
type inputRequest struct {
	InputRequestID  string `json:"inputRequestId"`
	ProvidedContext string `json:"providedContext"`
}

type inputAccepted struct {
	Accepted *bool `json:"accepted"`
}

func (a inputAccepted) check() error {
	if a.Accepted != nil && !*a.Accepted {
		return errors.New(`it says "accepted": false`)
	}
	return nil
}

// ProvideInput answers the open question of a case. nil means that the answer is queued (202), not processed: GET may show INPUT_NEEDED for a
// while. A repetition after an Uncertain failure is safe: Offload answers 409 if the question is already answered.
func (c *Client) ProvideInput(ctx context.Context, caseID, questionID, text string) error {
	const op = "provide input"
	route, err := caseRoute(caseID, "input")
	if err == nil && (strings.TrimSpace(questionID) == "" || strings.TrimSpace(text) == "") {
		err = fmt.Errorf("%w: question ID and text must not be blank", ErrInvalidArgument)
	}
	if err != nil {
		return &Error{Op: op, Kind: NotSent, Err: err}
	}
	_, err = post[inputAccepted](ctx, c, op, route, inputRequest{InputRequestID: questionID, ProvidedContext: text})
	return err
}
