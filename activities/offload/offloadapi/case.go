package offloadapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Case holds the fields of the response to GET /cases/{id} that Signalbox uses (Offload, "Get case"). The response never has metadata,
// failureReason or clientWebhookUrl. Only GetTranscript asks for conversationThread: Offload fetches it from its mail provider, and a failure
// there would fail the read.
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
	// InputRequest is nil for null, and if an older API leaves it out.
	InputRequest *InputRequest `json:"inputRequest"`

	// Lost names the fields that could not be read, such as attemptCount or attachments[1]. Those fields are zero.
	Lost []string `json:"-"`
}

// InputRequest is an open or recently resolved question. It is an object in GET only; webhooks have four fields instead.
type InputRequest struct {
	ID          string    `json:"id"`
	Question    string    `json:"question"`
	Status      string    `json:"status"`
	RequestedAt time.Time `json:"requestedAt"`
}

// check refuses a response without a status, which is useless.
func (c Case) check() error {
	if c.Status == "" {
		return errors.New("the case has no status")
	}
	return nil
}

// GetCase reads a case. It names unreadable fields in Lost. It fails with ErrInvalidResponse for a response without a status or about another
// case.
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
		// The facts of one case must never be applied to another.
		return Case{}, &Error{Op: op, Kind: Uncertain, Err: fmt.Errorf("%w: it is about another case", ErrInvalidResponse)}
	}
	return found, nil
}

// Facts returns the case in the contract's form, with its whole result. Fields that GET does not have or that were lost stay zero;
// Omitted names the lost ones.
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
		if a.AttachmentID == "" {
			// A file without an ID can't be fetched.
			facts = facts.Omitting(workflows.FieldAttachments)
			continue
		}
		facts.Attachments = append(facts.Attachments, workflows.Attachment{
			ID: a.AttachmentID, Name: a.Name, Size: a.Size, Type: a.Type, MessageID: a.MessageID, InboxID: a.InboxID, ReceivedAt: a.ReceivedAt,
		})
	}
	// A question without an ID can't be answered.
	if q := c.InputRequest; q != nil && q.ID != "" {
		facts.Question = &workflows.Question{ID: q.ID, Text: q.Question, Status: q.Status, RequestedAt: q.RequestedAt}
	}
	return facts.OmittingLost(c.Lost)
}
