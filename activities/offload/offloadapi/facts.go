package offloadapi

import (
	"encoding/json"

	"github.com/signalbox-dev/signalbox/workflows"
)

// NewCreateRequest puts the contract's request, and the URL that Offload is to post to, into the wire form.
func NewCreateRequest(r workflows.CaseRequest, clientWebhookURL string) CreateRequest {
	return CreateRequest{
		Channel:           r.Channel,
		Goal:              Goal(r.Goal),
		Counterparty:      Counterparty(r.Counterparty),
		SenderPersona:     SenderPersona(r.SenderPersona),
		ClientReferenceID: r.ClientReferenceID,
		Constraints:       r.Constraints,
		MaxAttempts:       r.MaxAttempts,
		FollowUpDelay:     r.FollowUpDelay,
		ResultSchema:      r.ResultSchema,
		ClientWebhookURL:  clientWebhookURL,
		Metadata:          r.Metadata,
	}
}

// Facts is the case in the contract's form, with its result whole. A field that GET doesn't have stays zero, which says: not said.
func (c Case) Facts() workflows.CaseFacts {
	facts := workflows.CaseFacts{
		CaseID:            c.CaseID,
		ClientReferenceID: c.ClientReferenceID,
		Status:            c.Status,
		Channel:           c.Channel,
		AttemptCount:      c.AttemptCount,
		ResultStatus:      c.ResultStatus,
		Result:            said(c.Result),
		MaxAttempts:       c.MaxAttempts,
		CreatedAt:         c.CreatedAt.Time,
		UpdatedAt:         c.UpdatedAt.Time,
		NextActionAt:      c.NextActionAt.Time,
	}
	for _, a := range c.Attachments {
		facts.Attachments = append(facts.Attachments, workflows.Attachment{
			ID:         a.AttachmentID,
			Name:       a.Name,
			Size:       a.Size,
			Type:       a.Type,
			MessageID:  a.MessageID,
			InboxID:    a.InboxID,
			ReceivedAt: a.ReceivedAt.Time,
		})
	}
	if q := c.InputRequest; q != nil {
		facts.Question = &workflows.Question{ID: q.ID, Text: q.Question, Status: q.Status, RequestedAt: q.RequestedAt.Time}
	}
	return facts
}

// said turns JSON's null into nothing.
func said(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
