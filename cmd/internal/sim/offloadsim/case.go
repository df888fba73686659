package offloadsim

import (
	"strings"
	"time"
)

// Status is a case's status.
type Status string

const (
	StatusCreated     Status = "CREATED"
	StatusRunning     Status = "RUNNING"
	StatusInputNeeded Status = "INPUT_NEEDED"
	StatusCompleted   Status = "COMPLETED"
	StatusFailed      Status = "FAILED"
)

// Terminal says whether a case with this status has ended.
func (s Status) Terminal() bool { return s == StatusCompleted || s == StatusFailed }

const (
	requestPending  = "PENDING"
	requestResolved = "RESOLVED"
)

// inputRequest is a question to a person, in the shape of GET. Webhooks carry it flat.
type inputRequest struct {
	ID          string `json:"id"`
	Question    string `json:"question"`
	Status      string `json:"status"`
	RequestedAt int64  `json:"requestedAt"`

	leftAt int64 // when the case went on, in ms; 0 while it waits
}

// Answer is an accepted answer to an input request.
type Answer struct {
	InputRequestID  string `json:"inputRequestId"`
	ProvidedContext string `json:"providedContext"`
	Question        string `json:"question,omitempty"` // what the request asked
}

// offloadCase is one case. Its fields are guarded by the simulator's mutex; times are Unix milliseconds.
type offloadCase struct {
	id      string
	owner   string
	request createRequest
	body    []byte // the request as it came

	status        Status
	createdAt     int64
	updatedAt     int64
	nextActionAt  int64 // 0: nothing scheduled
	attemptCount  int
	attachments   []attachment
	resultStatus  string
	result        map[string]any
	failureReason *string
	input         *inputRequest
	answers       []Answer
	reads         int // how often GET /cases/{id} was answered

	script   Script
	step     int           // the script's next
	answered chan struct{} // receives when an answer was accepted, for the script
}

// touch marks an update. updatedAt never repeats, since event ids are made of it.
func (c *offloadCase) touch(now time.Time) {
	c.updatedAt = max(now.UnixMilli(), c.updatedAt+1)
}

// view is the data of GET /cases/{id}: metadata, failureReason and clientWebhookUrl are not part of it.
func (c *offloadCase) view(now time.Time, u Undocumented) map[string]any {
	data := map[string]any{
		"caseId":        c.id,
		"status":        c.status,
		"createdAt":     c.createdAt,
		"updatedAt":     c.updatedAt,
		"nextActionAt":  c.nextActionAt,
		"attemptCount":  c.attemptCount,
		"maxAttempts":   c.request.maxAttempts,
		"channel":       c.request.channel,
		"counterparty":  c.request.counterparty,
		"goal":          c.request.goal,
		"senderPersona": c.request.senderPersona,
		"attachments":   nonNil(c.attachments),
	}
	if c.nextActionAt == 0 {
		data["nextActionAt"] = u.sentinel()
	}
	if c.request.clientReferenceID != "" {
		data["clientReferenceId"] = c.request.clientReferenceID
	}
	if c.request.constraints != nil {
		data["constraints"] = c.request.constraints
	}
	if c.request.resultSchema != nil {
		data["resultSchema"] = c.request.resultSchema
	}
	if c.resultStatus != "" {
		data["resultStatus"] = c.resultStatus
	}
	if c.result != nil {
		data["result"] = c.result
	}
	if !u.OmitInputRequest {
		data["inputRequest"] = c.visibleInput(now)
	}
	return data
}

// visibleInput is the active or recently resolved request, else an explicit null.
func (c *offloadCase) visibleInput(now time.Time) any {
	if c.input == nil {
		return nil
	}
	if c.input.leftAt != 0 && now.UnixMilli()-c.input.leftAt > time.Minute.Milliseconds() {
		return nil
	}
	return *c.input
}

// transcript is plain text: the request, each reply with its answer, and the files; nothing is tracked before the first message.
func (c *offloadCase) transcript() any {
	if c.attemptCount == 0 {
		return nil
	}
	var mails []string
	mail := func(sender map[string]any, text string) {
		name, _ := sender["name"].(string)
		mails = append(mails, "From: "+name+"\n\n"+text+"\n")
	}
	objective, _ := c.request.goal["objective"].(string)
	mail(c.request.senderPersona, objective)
	for _, answer := range c.answers {
		mail(c.request.counterparty, replyBehind(answer.Question))
		mail(c.request.senderPersona, answer.ProvidedContext)
	}
	if c.input != nil && c.input.Status == requestPending {
		mail(c.request.counterparty, replyBehind(c.input.Question))
	}
	for _, file := range c.attachments {
		mail(c.request.counterparty, "Attached: "+file.Name)
	}
	return strings.Join(mails, "\n")
}

// replyBehind is the counterparty's mail that made Offload ask; where the simulator has no words for it, the question itself.
func replyBehind(question string) string {
	if question == scriptQuestion {
		return "Is a signed PDF acceptable?"
	}
	return question
}
