package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// ErrInvalidStart: a start request is invalid. The message names each field and the fix.
var ErrInvalidStart = errors.New("invalid start request")

// DefaultAccount is the Offload account of a start that names none.
const DefaultAccount = "default"

// CaseStart is the input of the workflow "offload-case". Exactly one of Request (create a case) and CaseID (adopt an existing one) is
// set.
type CaseStart struct {
	// Reference is the business app's own unique ID for the case.
	Reference string `json:"reference"`
	// Account names the API key and base URL to use; empty means DefaultAccount.
	Account string `json:"account,omitempty"`
	// Request is the request to Offload. Its clientReferenceId defaults to Reference.
	Request *CaseRequest `json:"request,omitempty"`
	// CaseID is the ID of a case that already exists at Offload.
	CaseID  string      `json:"caseId,omitempty"`
	Options CaseOptions `json:"options,omitzero"`
	// ReplyTo gets the notices of the case by a signal: each open question, new attention, the outcome and the stored files.
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	// Notify names callbacks that get the same notices. Empty: the callbacks in the account's configuration.
	Notify []string `json:"notify,omitempty"`
}

// CaseRequest is the body of POST /cases (Offload, "Create case"). Signalbox adds clientWebhookUrl.
type CaseRequest struct {
	// Channel is EMAIL or SMS. Offload accepts SMS, but can't reply on it yet.
	Channel           string        `json:"channel"`
	Goal              CaseGoal      `json:"goal"`
	Counterparty      Counterparty  `json:"counterparty"`
	SenderPersona     SenderPersona `json:"senderPersona"`
	ClientReferenceID string        `json:"clientReferenceId,omitempty"`
	Constraints       []string      `json:"constraints,omitempty"`
	// MaxAttempts is the most follow-ups after the first message, at most MaxFollowUps. Offload's default is 3.
	MaxAttempts *int `json:"maxAttempts,omitempty"`
	// FollowUpDelay is how many hours Offload waits for a reply before a follow-up: 1 to MaxFollowUpHours. Offload's default is 72.
	FollowUpDelay *int `json:"followUpDelayHours,omitempty"`
	// ResultSchema is a JSON Schema without references to outside: draft 2020-12, unless $schema names an older one. Offload uses it as
	// guidance only; Signalbox checks the result, see CaseOutcome.ResultCheck.
	ResultSchema json.RawMessage `json:"resultSchema,omitempty"`
	Metadata     json.RawMessage `json:"metadata,omitempty"`
}

// CaseGoal is the goal of a case.
type CaseGoal struct {
	Objective string `json:"objective"`
	// Knowledge is a JSON string or object.
	Knowledge json.RawMessage `json:"knowledge,omitempty"`
}

// Counterparty is the person that Offload writes to.
type Counterparty struct {
	Address    string            `json:"address"`
	Name       string            `json:"name"`
	Company    string            `json:"company,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	CustomData map[string]string `json:"customData,omitempty"`
}

// SenderPersona is the name under which Offload writes.
type SenderPersona struct {
	Name    string `json:"name"`
	Role    string `json:"role,omitempty"`
	Company string `json:"company,omitempty"`
	Tone    string `json:"tone,omitempty"`
}

// CaseOptions are the business app's choices; a zero field means its default.
type CaseOptions struct {
	// ReconcileAfter is how long no webhook may come before Signalbox reads the case. Default 15 minutes.
	ReconcileAfter Duration `json:"reconcileAfter,omitzero"`
	// PollFloor is the shortest pause between two reads, at least MinPollFloor. Default 1 minute, or ReconcileAfter if that is shorter.
	// PollCeiling is the longest, at least PollFloor. Default 1 hour, or PollFloor if that is longer.
	PollFloor   Duration `json:"pollFloor,omitzero"`
	PollCeiling Duration `json:"pollCeiling,omitzero"`
	// Deadline is when the case ends as EXPIRED, after a last read. If it passes during an outage of Temporal, the case first waits two minutes for
	// events that the ingress accepted meanwhile. Zero: never.
	Deadline time.Time `json:"deadline,omitzero"`
	// RemindAfter is the pause after which the notice of an unanswered question is repeated. Zero: never; else at least MinRemindAfter.
	RemindAfter Duration `json:"remindAfter,omitzero"`
	// QuestionExpiresAfter is how long a question may stay unanswered before it raises attention. Zero: for ever.
	QuestionExpiresAfter Duration `json:"questionExpiresAfter,omitzero"`
	// ConfirmEnd makes Signalbox confirm an end by a read before it applies the webhook of the end. Unproven events and events without a
	// time are always confirmed.
	ConfirmEnd bool `json:"confirmEnd,omitempty"`
	// AwaitCorrection makes a case whose request Offload rejected (400) wait for a corrected request by retry-create. Without it the case
	// ends as FAILED.
	AwaitCorrection bool `json:"awaitCorrection,omitempty"`
}

// Defaults of CaseOptions.
const (
	DefaultReconcileAfter = Duration(15 * time.Minute)
	DefaultPollFloor      = Duration(time.Minute)
	DefaultPollCeiling    = Duration(time.Hour)
)

// Normalized returns the start with defaults for the fields that are empty.
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
		o.PollFloor = max(MinPollFloor, min(DefaultPollFloor, o.ReconcileAfter))
	}
	if o.PollCeiling == 0 {
		o.PollCeiling = max(DefaultPollCeiling, o.PollFloor)
	}
	return s
}

// Validate names every field that can't be used. It expects a normalized start.
func (s CaseStart) Validate() error {
	var c check
	if err := ValidateReference(s.Reference); err != nil {
		c.say("reference: %v", err)
	}
	c.idWithin("account", s.Account, maxAccountBytes)
	switch {
	case s.Request == nil && s.CaseID == "":
		c.say("request or caseId: set request to create a case, or caseId to adopt one")
	case s.Request != nil && s.CaseID != "":
		c.say("request and caseId: set only one of them")
	case s.Request != nil:
		c.request(*s.Request)
	default:
		c.caseID("caseId", s.CaseID)
	}
	c.options(s.Options)
	c.replyTo(s.ReplyTo)
	c.notify(s.Notify)
	c.whole()
	return c.err(ErrInvalidStart)
}

const maxAccountBytes = 100

func (c *check) options(o CaseOptions) {
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
		c.duration(d.name, d.value)
	}
	c.atLeast("pollFloor", o.PollFloor, MinPollFloor)
	c.atLeast("remindAfter", o.RemindAfter, MinRemindAfter)
	if o.PollCeiling < o.PollFloor {
		c.say("options.pollCeiling: %s is below pollFloor (%s): raise it", o.PollCeiling, o.PollFloor)
	}
	c.time("options.deadline", o.Deadline)
}

func (c *check) request(r CaseRequest) {
	if r.Channel != "EMAIL" && r.Channel != "SMS" {
		c.say("request.channel: %q is neither EMAIL nor SMS", clip(r.Channel))
	}
	for _, f := range []struct {
		name, value string
		required    bool
		most        int
	}{
		{"goal.objective", r.Goal.Objective, true, MaxTextBytes},
		{"counterparty.address", r.Counterparty.Address, true, MaxShortTextBytes},
		{"counterparty.name", r.Counterparty.Name, true, MaxShortTextBytes},
		{"counterparty.company", r.Counterparty.Company, false, MaxShortTextBytes},
		{"counterparty.timezone", r.Counterparty.Timezone, false, MaxShortTextBytes},
		{"senderPersona.name", r.SenderPersona.Name, true, MaxShortTextBytes},
		{"senderPersona.role", r.SenderPersona.Role, false, MaxShortTextBytes},
		{"senderPersona.company", r.SenderPersona.Company, false, MaxShortTextBytes},
		{"senderPersona.tone", r.SenderPersona.Tone, false, MaxShortTextBytes},
	} {
		if f.required {
			c.required("request."+f.name, f.value)
		}
		c.text("request."+f.name, f.value, f.most)
	}
	if r.ClientReferenceID != "" {
		c.idWithin("request.clientReferenceId", r.ClientReferenceID, MaxClientReferenceIDBytes)
	}
	c.json("request.goal.knowledge", r.Goal.Knowledge, "a JSON string or object", '"', '{')
	c.json("request.resultSchema", r.ResultSchema, "a JSON object", '{')
	c.json("request.metadata", r.Metadata, "a JSON object", '{')
	c.number("request.maxAttempts", r.MaxAttempts, 0, MaxFollowUps)
	c.number("request.followUpDelayHours", r.FollowUpDelay, 1, MaxFollowUpHours)
	c.constraints(r.Constraints)
	c.customData(r.Counterparty.CustomData)
}

func (c *check) constraints(constraints []string) {
	if len(constraints) > MaxConstraints {
		c.say("request.constraints: %d, at most %d: join some", len(constraints), MaxConstraints)
		return
	}
	for i, constraint := range constraints {
		c.text(fmt.Sprintf("request.constraints[%d]", i), constraint, MaxTextBytes)
		c.bytes += 3 // quotes and comma
	}
}

// customData checks the names in sorted order, because its message enters a history.
//
//workflowcheck:ignore
func (c *check) customData(data map[string]string) {
	if len(data) > MaxCustomData {
		c.say("request.counterparty.customData: %d names, at most %d: leave some out", len(data), MaxCustomData)
		return
	}
	names := make([]string, 0, len(data))
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		field := "request.counterparty.customData." + fieldName(name)
		c.text(field+": the name", name, MaxShortTextBytes)
		c.text(field, data[name], MaxTextBytes)
		c.bytes += 6 // quotes, colon and comma
	}
}

// fieldName returns a name of customData as a part of a field's name: messages separate fields by other characters.
func fieldName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.…", r) {
			return r
		}
		return '_'
	}, clip(name))
}

// A canary is a case with which `signalbox doctor --canary` tests the path of an event. Its account is on no worker, so it calls no
// provider, and its event ends it.
const (
	// CanaryAccount is the account of canaries. No configuration may define it.
	CanaryAccount = "~canary"

	canaryPrefix = "~canary-"
)

// CanaryReference returns the reference of a canary; id must be unique.
func CanaryReference(id string) string { return canaryPrefix + id }

// IsCanaryReference reports whether a reference is reserved for canaries.
func IsCanaryReference(reference string) bool { return strings.HasPrefix(reference, canaryPrefix) }
