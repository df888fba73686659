package offloadapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Case is what GET /cases/{id} answers, of it what Signalbox uses (Offload, "Get case"). metadata, failureReason and clientWebhookUrl
// are never in it. conversationThread is asked for by GetTranscript alone: it is fetched live from the mail provider, whose failure would fail
// the read.
type Case struct {
	CaseID            string          `json:"caseId"`
	ClientReferenceID string          `json:"clientReferenceId"`
	Status            string          `json:"status"`
	Channel           string          `json:"channel"`
	CreatedAt         time.Time       `json:"createdAt"`
	UpdatedAt         time.Time       `json:"updatedAt"`
	NextActionAt      time.Time       `json:"nextActionAt"`
	AttemptCount      int             `json:"attemptCount"`
	MaxAttempts       int             `json:"maxAttempts"`
	Attachments       []Attachment    `json:"attachments"`
	ResultStatus      string          `json:"resultStatus"`
	Result            json.RawMessage `json:"result"`
	// InputRequest is nil for null and where an older API leaves it out.
	InputRequest *InputRequest `json:"inputRequest"`

	// Lost names what the answer had in a form that can't be read, such as attemptCount or attachments[1]. Those fields are zero.
	Lost []string `json:"-"`
}

// InputRequest is an open or recently resolved question. Only GET has it as an object; webhooks spread it over four fields.
type InputRequest struct {
	ID          string    `json:"id"`
	Question    string    `json:"question"`
	Status      string    `json:"status"`
	RequestedAt time.Time `json:"requestedAt"`
}

// check refuses an answer without a status: nothing can be decided by it.
func (c Case) check() error {
	if c.Status == "" {
		return errors.New("the case has no status")
	}
	return nil
}

// GetCase reads a case. A field that can't be read is lost and named in Lost. An answer without a status, or about another case, is
// an error that is ErrInvalidResponse.
func (c *Client) GetCase(ctx context.Context, caseID string) (Case, error) {
	const op = "get case"
	route, err := caseRoute(caseID)
	if err != nil {
		return Case{}, &Error{Op: op, Kind: NotSent, Err: err}
	}
	found, lost, err := get[Case](ctx, c, op, route)
	if err != nil {
		return Case{}, err
	}
	found.Lost = lost
	if found.CaseID == "" {
		found.CaseID = caseID
	}
	if found.CaseID != caseID {
		// Facts of one case must never be taken for another's.
		return Case{}, &Error{Op: op, Kind: Uncertain, Err: fmt.Errorf("%w: it is about another case", ErrInvalidResponse)}
	}
	return found, nil
}

// Facts is the case in the contract's form, with its result whole. A field that GET doesn't have, or that was lost, stays zero.
func (c Case) Facts() workflows.CaseFacts {
	facts := workflows.CaseFacts{
		CaseID:            c.CaseID,
		ClientReferenceID: c.ClientReferenceID,
		Status:            c.Status,
		Channel:           c.Channel,
		AttemptCount:      c.AttemptCount,
		ResultStatus:      c.ResultStatus,
		Result:            c.Result,
		MaxAttempts:       c.MaxAttempts,
		CreatedAt:         c.CreatedAt,
		UpdatedAt:         c.UpdatedAt,
		NextActionAt:      c.NextActionAt,
	}
	for _, a := range c.Attachments {
		// Without its ID a file can't be fetched.
		if a.AttachmentID != "" {
			facts.Attachments = append(facts.Attachments, workflows.Attachment{
				ID: a.AttachmentID, Name: a.Name, Size: a.Size, Type: a.Type, MessageID: a.MessageID, InboxID: a.InboxID, ReceivedAt: a.ReceivedAt,
			})
		}
	}
	// Without its ID a question can't be answered.
	if q := c.InputRequest; q != nil && q.ID != "" {
		facts.Question = &workflows.Question{ID: q.ID, Text: q.Question, Status: q.Status, RequestedAt: q.RequestedAt}
	}
	return facts
}
