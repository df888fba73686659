package offloadhook

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Parse turns a body into the event that a workflow is signalled. The meta's kind and time come from the body; the rest, which
// the inbox knows, is taken as given. It fails with ErrUnparseable also for a kind that is not Known.
func Parse(body []byte, meta workflows.EventMeta) (workflows.CaseEvent, error) {
	var b struct {
		head
		Data *data `json:"data"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return workflows.CaseEvent{}, fmt.Errorf("%w: %w", ErrUnparseable, err)
	}
	if b.Data == nil {
		b.Data = &data{}
	}
	envelope, err := b.envelope(&b.Data.identity)
	if err != nil {
		return workflows.CaseEvent{}, err
	}
	if !envelope.Known {
		return workflows.CaseEvent{}, fmt.Errorf("%w: unknown event_type %q", ErrUnparseable, envelope.Kind)
	}
	meta.Kind, meta.OccurredAt = envelope.Kind, envelope.OccurredAt
	return workflows.CaseEvent{EventMeta: meta, Facts: b.Data.facts(envelope)}, nil
}

// data holds the fields of the reference's "Fields in data".
type data struct {
	identity
	Channel          text            `json:"channel"`
	AttemptCount     count           `json:"attemptCount"`
	Attachments      json.RawMessage `json:"attachments"`
	ResultStatus     text            `json:"resultStatus"`
	Result           json.RawMessage `json:"result"`
	Metadata         json.RawMessage `json:"metadata"`
	FailureReason    json.RawMessage `json:"failureReason"`
	InputRequest     json.RawMessage `json:"inputRequest"`
	InputStatus      text            `json:"inputRequestStatus"`
	InputRequestedAt millis          `json:"inputRequestedAt"`
}

func (d *data) facts(e Envelope) workflows.CaseFacts {
	return workflows.CaseFacts{
		CaseID:            e.CaseID,
		ClientReferenceID: e.ClientReferenceID,
		Status:            d.status(e.Kind),
		Channel:           string(d.Channel),
		AttemptCount:      int(d.AttemptCount),
		ResultStatus:      string(d.ResultStatus),
		Attachments:       d.attachments(),
		Question:          d.question(),
		Result:            said(d.Result),
		FailureReason:     d.failureReason(),
		Metadata:          said(d.Metadata),
	}
}

// question maps a webhook's flat fields. In GET the same name, inputRequest, is an object {id, question, status, requestedAt};
// should a webhook ever carry that shape, it is understood.
func (d *data) question() *workflows.Question {
	q := workflows.Question{ID: string(d.InputRequestID), Status: string(d.InputStatus), RequestedAt: d.InputRequestedAt.time()}
	switch {
	case len(d.InputRequest) == 0:
	case d.InputRequest[0] == '{':
		var object struct {
			ID          text   `json:"id"`
			Question    text   `json:"question"`
			Status      text   `json:"status"`
			RequestedAt millis `json:"requestedAt"`
		}
		if json.Unmarshal(d.InputRequest, &object) == nil && usable("id", string(object.ID), maxID) == nil {
			q = workflows.Question{
				ID:          string(object.ID),
				Text:        string(object.Question),
				Status:      string(object.Status),
				RequestedAt: object.RequestedAt.time(),
			}
		}
	default:
		var flat text
		if json.Unmarshal(d.InputRequest, &flat) == nil {
			q.Text = string(flat)
		}
	}
	// A question without its ID can't be answered; the status alone makes the workflow read the case, which has the ID.
	if q.ID == "" {
		return nil
	}
	return &q
}

func (d *data) attachments() []workflows.Attachment {
	var list []struct {
		ID         text   `json:"attachmentId"`
		Name       text   `json:"name"`
		Size       count  `json:"size"`
		Type       text   `json:"type"`
		MessageID  text   `json:"messageId"`
		InboxID    text   `json:"inboxId"`
		ReceivedAt millis `json:"receivedAt"`
	}
	if len(d.Attachments) == 0 || json.Unmarshal(d.Attachments, &list) != nil {
		return nil
	}
	out := make([]workflows.Attachment, 0, len(list))
	for _, a := range list {
		// Without its ID a file can't be fetched.
		if a.ID == "" {
			continue
		}
		out = append(out, workflows.Attachment{
			ID:         string(a.ID),
			Name:       string(a.Name),
			Size:       int64(a.Size),
			Type:       string(a.Type),
			MessageID:  string(a.MessageID),
			InboxID:    string(a.InboxID),
			ReceivedAt: a.ReceivedAt.time(),
		})
	}
	return out
}

// failureReason is nil where none was given: a newer example of the reference has null there.
func (d *data) failureReason() *string {
	var reason *string
	if len(d.FailureReason) == 0 || json.Unmarshal(d.FailureReason, &reason) != nil {
		return nil
	}
	return reason
}

// said is the value as the provider sent it, or nil where it is absent or null. Broken UTF-8 is mended, since a payload with it
// can't be shown by the Temporal Web UI.
func said(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return bytes.ToValidUTF8(raw, []byte("\uFFFD"))
}
