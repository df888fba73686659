package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrInvalidStart says that a start request can't be carried out; the message names each field and the fix.
var ErrInvalidStart = errors.New("invalid start request")

// DefaultAccount is the Offload account that a start without one means.
const DefaultAccount = "default"

// CaseStart is the input of the workflow "offload-case". Either Request is set (create the case) or CaseID (adopt one that exists).
type CaseStart struct {
	// Reference is the business app's own unique ID for the case.
	Reference string `json:"reference"`
	// Account names the API key and base URL to use; empty means DefaultAccount.
	Account string `json:"account,omitempty"`
	// Request is what is posted to Offload. Its clientReferenceId defaults to Reference.
	Request *CaseRequest `json:"request,omitempty"`
	// CaseID is a case that exists at Offload already.
	CaseID  string      `json:"caseId,omitempty"`
	Options CaseOptions `json:"options,omitzero"`
	// ReplyTo is told the outcome and each open question by a signal.
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	// CallbackURL is told each change by a signed POST.
	CallbackURL string `json:"callbackUrl,omitempty"`
}

// CaseRequest is the body of POST /cases (Offload, "Create case"). Signalbox adds clientWebhookUrl.
type CaseRequest struct {
	Channel           string          `json:"channel"`
	Goal              CaseGoal        `json:"goal"`
	Counterparty      Counterparty    `json:"counterparty"`
	SenderPersona     SenderPersona   `json:"senderPersona"`
	ClientReferenceID string          `json:"clientReferenceId,omitempty"`
	Constraints       []string        `json:"constraints,omitempty"`
	MaxAttempts       *int            `json:"maxAttempts,omitempty"`
	FollowUpDelay     *int            `json:"followUpDelayHours,omitempty"`
	ResultSchema      json.RawMessage `json:"resultSchema,omitempty"`
	Metadata          json.RawMessage `json:"metadata,omitempty"`
}

// CaseGoal says what the case is to reach.
type CaseGoal struct {
	Objective string `json:"objective"`
	// Knowledge is a JSON string or object.
	Knowledge json.RawMessage `json:"knowledge,omitempty"`
}

// Counterparty is who is written to.
type Counterparty struct {
	Address    string            `json:"address"`
	Name       string            `json:"name"`
	Company    string            `json:"company,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	CustomData map[string]string `json:"customData,omitempty"`
}

// SenderPersona is in whose name it is written.
type SenderPersona struct {
	Name    string `json:"name"`
	Role    string `json:"role,omitempty"`
	Company string `json:"company,omitempty"`
	Tone    string `json:"tone,omitempty"`
}

// CaseOptions are the business app's choices; the zero value of each means its default.
type CaseOptions struct {
	// ReconcileAfter is the silence after which Signalbox starts to look for itself. Default 15 minutes.
	ReconcileAfter Duration `json:"reconcileAfter,omitzero"`
	// PollFloor and PollCeiling bound the pause between two looks. Defaults 1 minute and 1 hour.
	PollFloor   Duration `json:"pollFloor,omitzero"`
	PollCeiling Duration `json:"pollCeiling,omitzero"`
	// Deadline ends the case as EXPIRED, after a last look. Zero: never.
	Deadline time.Time `json:"deadline,omitzero"`
	// RemindAfter repeats an unanswered question to ReplyTo and the callback. Zero: never.
	RemindAfter Duration `json:"remindAfter,omitzero"`
	// QuestionExpiresAfter raises attention for a question that nobody answered. Zero: never.
	QuestionExpiresAfter Duration `json:"questionExpiresAfter,omitzero"`
	// ConfirmEnd reads the case before a webhook may end it. Events that are unproven or carry no time are confirmed whatever it says.
	ConfirmEnd bool `json:"confirmEnd,omitempty"`
	// AwaitCorrection keeps a case whose request Offload rejected (400) waiting for retry-create with a corrected one, instead of ending as FAILED.
	AwaitCorrection bool `json:"awaitCorrection,omitempty"`
}

// Defaults of CaseOptions.
const (
	DefaultReconcileAfter = Duration(15 * time.Minute)
	DefaultPollFloor      = Duration(time.Minute)
	DefaultPollCeiling    = Duration(time.Hour)
)

// Normalized fills in what was left out.
func (s CaseStart) Normalized() CaseStart {
	if s.Account == "" {
		s.Account = DefaultAccount
	}
	if s.Reference == "" && s.Request == nil {
		s.Reference = s.CaseID
	}
	if s.Request != nil && s.Request.ClientReferenceID == "" {
		request := *s.Request
		request.ClientReferenceID = s.Reference
		s.Request = &request
	}
	o := &s.Options
	if o.ReconcileAfter == 0 {
		o.ReconcileAfter = DefaultReconcileAfter
	}
	if o.PollFloor == 0 {
		o.PollFloor = min(DefaultPollFloor, o.ReconcileAfter)
	}
	if o.PollCeiling == 0 {
		o.PollCeiling = max(DefaultPollCeiling, o.PollFloor)
	}
	return s
}

// Validate names every field that can't be used. It expects a normalized start.
func (s CaseStart) Validate() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	if err := ValidateReference(s.Reference); err != nil {
		say("reference: %v", err)
	}
	switch {
	case s.Request == nil && s.CaseID == "":
		say("request or caseId: set request to create a case, or caseId to adopt one")
	case s.Request != nil && s.CaseID != "":
		say("request and caseId: set only one of them")
	case s.Request != nil:
		s.Request.validate(say)
	}
	if s.ReplyTo != nil && (s.ReplyTo.WorkflowID == "" || s.ReplyTo.Signal == "") {
		say("replyTo: set both workflowId and signal")
	}
	o := s.Options
	for _, d := range []struct {
		name  string
		value Duration
	}{
		{"reconcileAfter", o.ReconcileAfter},
		{"pollFloor", o.PollFloor},
		{"pollCeiling", o.PollCeiling},
		{"remindAfter", o.RemindAfter},
		{"questionExpiresAfter", o.QuestionExpiresAfter},
	} {
		if d.value < 0 {
			say("options.%s: %s is negative", d.name, d.value)
		}
	}
	if o.PollCeiling < o.PollFloor {
		say("options.pollCeiling: %s is below pollFloor (%s)", o.PollCeiling, o.PollFloor)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrInvalidStart, strings.Join(wrong, "; "))
	}
	return nil
}

func (r CaseRequest) validate(say func(string, ...any)) {
	if r.Channel != "EMAIL" && r.Channel != "SMS" {
		say("request.channel: %q is neither EMAIL nor SMS", r.Channel)
	}
	for _, f := range []struct{ name, value string }{
		{"request.goal.objective", r.Goal.Objective},
		{"request.counterparty.address", r.Counterparty.Address},
		{"request.counterparty.name", r.Counterparty.Name},
		{"request.senderPersona.name", r.SenderPersona.Name},
	} {
		if strings.TrimSpace(f.value) == "" {
			say("%s: it is required", f.name)
		}
	}
	if k := r.Goal.Knowledge; len(k) > 0 && !isJSON(k, '"', '{') {
		say("request.goal.knowledge: want a JSON string or object")
	}
	if k := r.ResultSchema; len(k) > 0 && !isJSON(k, '{') {
		say("request.resultSchema: want a JSON object")
	}
	if k := r.Metadata; len(k) > 0 && !isJSON(k, '{') {
		say("request.metadata: want a JSON object")
	}
	if r.MaxAttempts != nil && *r.MaxAttempts < 0 {
		say("request.maxAttempts: %d is negative", *r.MaxAttempts)
	}
	if r.FollowUpDelay != nil && *r.FollowUpDelay <= 0 {
		say("request.followUpDelayHours: %d is not positive", *r.FollowUpDelay)
	}
}

// isJSON says whether raw is valid JSON that begins with one of the characters.
func isJSON(raw json.RawMessage, begins ...byte) bool {
	trimmed := bytes.TrimSpace(raw)
	return json.Valid(trimmed) && bytes.IndexByte(begins, trimmed[0]) >= 0
}
