package offload

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// data holds the fields that Offload documents under "Fields in data".
type data struct {
	identity
	Channel          string          `json:"channel"`
	AttemptCount     int             `json:"attemptCount"`
	Attachments      []attachment    `json:"attachments"`
	ResultStatus     string          `json:"resultStatus"`
	Result           json.RawMessage `json:"result"`
	Metadata         json.RawMessage `json:"metadata"`
	FailureReason    *string         `json:"failureReason"`
	InputRequest     json.RawMessage `json:"inputRequest"`
	InputStatus      string          `json:"inputRequestStatus"`
	InputRequestedAt time.Time       `json:"inputRequestedAt"`
}

type attachment struct {
	ID         string    `json:"attachmentId"`
	Name       string    `json:"name"`
	Size       int64     `json:"size"`
	Type       string    `json:"type"`
	MessageID  string    `json:"messageId"`
	InboxID    string    `json:"inboxId"`
	ReceivedAt time.Time `json:"receivedAt"`
}

// Parse implements hook.Provider.
func Parse(body []byte, meta workflows.EventMeta) (hook.Parsed[workflows.CaseEvent], error) {
	var (
		b struct {
			head
			Data data `json:"data"`
		}
		parsed hook.Parsed[workflows.CaseEvent]
	)
	lost, err := wire.Read(body, &b)
	if err != nil {
		return parsed, fmt.Errorf("%w: %w", hook.ErrUnparseable, err)
	}
	parsed.Envelope, err = b.envelope(&b.Data.identity, lost)
	if err != nil {
		return parsed, err
	}
	if parsed.Ignored != "" {
		return parsed, fmt.Errorf("%w: %s", hook.ErrUnparseable, parsed.Ignored)
	}
	meta.Kind, meta.OccurredAt = parsed.Kind, parsed.OccurredAt
	parsed.Event.EventMeta = meta
	parsed.Event.Facts = b.Data.facts(&parsed.Envelope)
	return parsed, nil
}

// facts returns the facts of the event. Omitted names the fields that could not be read, and those that Offload documents for this kind of
// event but did not send. The workflow reads them from the provider, or reports them as unknown.
func (d *data) facts(e *hook.Envelope) workflows.CaseFacts {
	e.ClipText("data.channel", &d.Channel, workflows.MaxShortTextBytes)
	e.ClipText("data.resultStatus", &d.ResultStatus, workflows.MaxShortTextBytes)
	facts := workflows.CaseFacts{
		CaseID:            d.CaseID,
		ClientReferenceID: d.ClientReferenceID,
		Status:            d.Status,
		Channel:           d.Channel,
		AttemptCount:      d.AttemptCount,
		ResultStatus:      d.ResultStatus,
		Attachments:       d.attachments(e),
		Question:          d.question(e),
		Result:            d.Result,
		FailureReason:     d.FailureReason,
		Metadata:          d.Metadata,
	}
	asks := e.Kind == workflows.KindCaseInputNeeded
	if q := facts.Question; asks && (q == nil || q.Text == "") {
		facts = facts.Omitting(workflows.FieldQuestion)
	}
	if !asks && d.Attachments == nil {
		facts = facts.Omitting(workflows.FieldAttachments)
	}
	return facts.OmittingLost(e.Lost)
}

func (d *data) attachments(e *hook.Envelope) []workflows.Attachment {
	if d.Attachments == nil {
		return nil
	}
	files := make([]workflows.Attachment, 0, len(d.Attachments))
	for _, a := range d.Attachments {
		// A file without an ID can't be fetched.
		if workflows.ValidateID(a.ID) != nil {
			e.Lose("data.attachments[].attachmentId")
			continue
		}
		e.ClipText("data.attachments[].name", &a.Name, workflows.MaxShortTextBytes)
		e.ClipText("data.attachments[].type", &a.Type, workflows.MaxShortTextBytes)
		e.DropUnusable("data.attachments[].messageId", &a.MessageID, maxID)
		e.DropUnusable("data.attachments[].inboxId", &a.InboxID, maxID)
		e.DropUnusableTime("data.attachments[].receivedAt", &a.ReceivedAt)
		files = append(files, workflows.Attachment(a))
	}
	return files
}

// question reads the question from a webhook's flat fields. In the answer of GET, inputRequest is an object {id, question, status,
// requestedAt}; question reads that form too. It returns nil for a question without an ID, which can't be answered.
func (d *data) question(e *hook.Envelope) *workflows.Question {
	q := workflows.Question{ID: d.InputRequestID, Status: d.InputStatus, RequestedAt: d.InputRequestedAt}
	var object struct {
		ID          string    `json:"id"`
		Question    string    `json:"question"`
		Status      string    `json:"status"`
		RequestedAt time.Time `json:"requestedAt"`
	}
	text, isText := wire.Text(d.InputRequest)
	switch {
	case isText:
		q.Text = text
	case len(d.InputRequest) == 0:
	default:
		lost, err := wire.Read(d.InputRequest, &object)
		if err != nil {
			e.Lose("data.inputRequest")
		}
		for _, path := range lost {
			e.Lose("data.inputRequest." + path)
		}
		e.DropUnusable("data.inputRequest.id", &object.ID, maxID)
		if object.ID != "" {
			q = workflows.Question{ID: object.ID, Text: object.Question, Status: object.Status, RequestedAt: object.RequestedAt}
		}
	}
	if q.ID == "" {
		return nil
	}
	e.ClipText("data.inputRequestStatus", &q.Status, workflows.MaxShortTextBytes)
	e.DropUnusableTime("data.inputRequestedAt", &q.RequestedAt)
	return &q
}
