package offloadapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Case is what GET /cases/{id} answers, of it what Signalbox uses (Offload, "Get case"). metadata, failureReason and clientWebhookUrl
// are never in it, and conversationThread is never asked for: it is fetched live from the mail provider, whose failure would fail the look.
type Case struct {
	CaseID            string          `json:"caseId"`
	ClientReferenceID string          `json:"clientReferenceId"`
	Status            string          `json:"status"`
	Channel           string          `json:"channel"`
	CreatedAt         Instant         `json:"createdAt"`
	UpdatedAt         Instant         `json:"updatedAt"`
	NextActionAt      Instant         `json:"nextActionAt"`
	AttemptCount      int             `json:"attemptCount"`
	MaxAttempts       int             `json:"maxAttempts"`
	Attachments       []Attachment    `json:"attachments"`
	ResultStatus      string          `json:"resultStatus"`
	Result            json.RawMessage `json:"result"`
	// InputRequest is nil for null and where an older API leaves it out.
	InputRequest *InputRequest `json:"inputRequest"`
}

// InputRequest is an open or recently resolved question. Only GET has it as an object; webhooks spread it over four fields.
type InputRequest struct {
	ID          string  `json:"id"`
	Question    string  `json:"question"`
	Status      string  `json:"status"`
	RequestedAt Instant `json:"requestedAt"`
}

// check refuses a case that can't be one: without a status nothing can be decided.
func (c *Case) check() error {
	if c.Status == "" {
		return errors.New("the case has no status")
	}
	return nil
}

// GetCase reads a case.
func (c *Client) GetCase(ctx context.Context, caseID string) (Case, error) {
	const op = "get case"
	route, err := caseRoute(caseID)
	if err != nil {
		return Case{}, &Error{Op: op, Kind: NotSent, Err: err}
	}
	var found Case
	if err := c.get(ctx, op, route, &found); err != nil {
		return Case{}, err
	}
	if found.CaseID == "" {
		found.CaseID = caseID
	}
	if found.CaseID != caseID {
		// Facts of one case must never be taken for another's.
		return Case{}, &Error{Op: op, Kind: Uncertain, Err: fmt.Errorf("%w: it is about another case", ErrInvalidResponse)}
	}
	return found, nil
}
