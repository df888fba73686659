package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrInvalidArgument: the argument of an update or signal is invalid. The message names each field and the fix.
var ErrInvalidArgument = errors.New("invalid argument")

// errInvalidID: an ID of a provider can't be used.
var errInvalidID = errors.New("invalid id")

// ValidateID accepts an ID of a provider: 1 to MaxIDBytes bytes of UTF-8 without control characters. IDs enter an index, a state and a
// person's terminal.
func ValidateID(id string) error {
	if problem := idProblem(id, MaxIDBytes); problem != "" {
		return fmt.Errorf("%w: %s", errInvalidID, problem)
	}
	return nil
}

// ValidateCaseID accepts the IDs of ValidateID except "." and "..", because HTTP clients and proxies remove them from paths.
func ValidateCaseID(id string) error {
	if problem := caseIDProblem(id); problem != "" {
		return fmt.Errorf("%w: %s", errInvalidID, problem)
	}
	return nil
}

// Validate names every field that can't be used.
func (p ProvideInput) Validate() error {
	var c check
	c.id("questionId", p.QuestionID)
	c.required("text", p.Text)
	c.text("text", p.Text, MaxTextBytes)
	c.text("by", p.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (a AdoptCase) Validate() error {
	var c check
	c.caseID("caseId", a.CaseID)
	c.text("by", a.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used. A request may lack its clientReferenceId: the default is the reference.
func (r RetryCreate) Validate() error {
	var c check
	if r.Request != nil {
		c.request(*r.Request)
	}
	c.text("by", r.By, MaxShortTextBytes)
	c.text("runId", r.RunID, MaxIDBytes)
	c.whole()
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (x CancelCase) Validate() error {
	var c check
	c.text("reason", x.Reason, MaxShortTextBytes)
	c.text("by", x.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (r ReconcileNow) Validate() error {
	var c check
	c.text("by", r.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// ValidateApprovalRequests names every field that can't be used, such as requests[1].messageId.
func ValidateApprovalRequests(requests []ApprovalRequest) error {
	var c check
	for i, a := range requests {
		c.at = fmt.Sprintf("requests[%d].", i)
		c.id("messageId", a.MessageID)
		c.idOrNone("runId", a.RunID)
		c.time("deadline", a.Deadline)
		c.text("subject", a.Subject, MaxShortTextBytes)
		c.replyTo(a.ReplyTo)
		c.notify(a.Notify)
	}
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (x CancelApproval) Validate() error {
	var c check
	c.id("messageId", x.MessageID)
	c.text("reason", x.Reason, MaxShortTextBytes)
	c.text("by", x.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (o OpenRun) Validate() error {
	var c check
	c.id("runId", o.RunID)
	c.replyTo(o.ReplyTo)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (x CloseRun) Validate() error {
	var c check
	c.id("runId", x.RunID)
	c.text("reason", x.Reason, MaxShortTextBytes)
	c.text("by", x.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (t TouchRuns) Validate() error {
	var c check
	c.ids("runIds", t.RunIDs)
	c.time("at", t.At)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used.
func (s SelectNotices) Validate() error {
	var c check
	c.ids("ids", s.IDs)
	c.time("since", s.Since)
	if len(s.IDs) > 0 && !s.Since.IsZero() {
		c.say("ids and since: set only one of them")
	}
	c.text("by", s.By, MaxShortTextBytes)
	return c.err(ErrInvalidArgument)
}

// Validate names every field that can't be used. The server answers a workflow ID that is not ASCII with Internal, which looks like an
// outage; and it terminates a workflow that signals an ID that is too long.
func (r ReplyTo) Validate() error {
	var c check
	c.receiver("", r)
	return c.err(ErrInvalidArgument)
}

// check collects the problems and the size of an argument.
type check struct {
	// at precedes each field.
	at    string
	wrong []string
	// bytes is the size of the checked values in JSON.
	bytes int
}

func (c *check) say(format string, args ...any) {
	c.wrong = append(c.wrong, c.at+fmt.Sprintf(format, args...))
}

// maxProblems is the most problems that an error names.
const maxProblems = 20

func (c *check) err(sentinel error) error {
	if len(c.wrong) == 0 {
		return nil
	}
	more := ""
	if over := len(c.wrong) - maxProblems; over > 0 {
		c.wrong, more = c.wrong[:maxProblems], fmt.Sprintf("; and %d more", over)
	}
	return fmt.Errorf("%w: %s%s", sentinel, strings.Join(c.wrong, "; "), more)
}

func (c *check) required(field, value string) {
	if strings.TrimSpace(value) == "" {
		c.say("%s: it is blank: set it", field)
	}
}

func (c *check) text(field, value string, most int) {
	n := JSONLen(value)
	c.bytes += n
	switch {
	case n <= most:
	case n == len(value):
		c.say("%s: %d bytes, at most %d: shorten it", field, n, most)
	default:
		c.say("%s: %d bytes in JSON, at most %d: shorten it", field, n, most)
	}
}

func (c *check) id(field, value string) { c.idWithin(field, value, MaxIDBytes) }

func (c *check) caseID(field, value string) {
	c.bytes += JSONLen(value)
	if problem := caseIDProblem(value); problem != "" {
		c.say("%s: %s", field, problem)
	}
}

func (c *check) idOrNone(field, value string) {
	if value != "" {
		c.id(field, value)
	}
}

func (c *check) idWithin(field, value string, most int) {
	c.bytes += JSONLen(value)
	if problem := idProblem(value, most); problem != "" {
		c.say("%s: %s", field, problem)
	}
}

func idProblem(value string, most int) string {
	switch {
	case strings.TrimSpace(value) == "":
		return "it is blank: set it"
	case len(value) > most:
		return fmt.Sprintf("%d bytes, at most %d: use a shorter one", len(value), most)
	case !utf8.ValidString(value):
		return "it is not UTF-8: encode it"
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return fmt.Sprintf("%q has a control character, such as a line break or a tab: remove it", clip(value))
	}
	return ""
}

func caseIDProblem(value string) string {
	if value == "." || value == ".." {
		return fmt.Sprintf("%q is not an ID: use the ID of the case at Offload", value)
	}
	return idProblem(value, MaxIDBytes)
}

func (c *check) ids(field string, values []string) {
	if len(values) > MaxListed {
		c.say("%s: %d, at most %d: send them in several calls", field, len(values), MaxListed)
		return
	}
	for i, value := range values {
		c.id(fmt.Sprintf("%s[%d]", field, i), value)
	}
}

// within reports whether the value has 1 to most bytes.
func (c *check) within(field, value string, most int) bool {
	c.bytes += JSONLen(value)
	switch {
	case value == "":
		c.say("%s: it is missing: set it", field)
	case len(value) > most:
		c.say("%s: %d bytes, at most %d: use a shorter one", field, len(value), most)
	default:
		return true
	}
	return false
}

func (c *check) ascii(field, value string, most int) {
	if c.within(field, value, most) && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		c.say("%s: %q has a character that is not printable ASCII: use another one", field, clip(value))
	}
}

func (c *check) replyTo(r *ReplyTo) {
	if r == nil {
		return
	}
	c.receiver("replyTo.", *r)
}

// receiver also refuses Signalbox's own workflows and Temporal's system workflows: they would take the notice for another signal, such as new
// options, or the update of a schedule.
func (c *check) receiver(at string, r ReplyTo) {
	c.ascii(at+"workflowId", r.WorkflowID, MaxWorkflowIDBytes)
	c.ascii(at+"signal", r.Signal, MaxSignalNameBytes)
	switch kind, _, _ := strings.Cut(r.WorkflowID, "/"); {
	case slices.Contains(ownWorkflows, kind):
		c.say("%sworkflowId: %q is a workflow of Signalbox: name one of your own", at, clip(r.WorkflowID))
	case strings.HasPrefix(kind, "temporal-sys-"):
		c.say("%sworkflowId: %q is a system workflow of Temporal: name one of your own", at, clip(r.WorkflowID))
	}
}

// time accepts the zero time, which means none.
func (c *check) time(field string, t time.Time) {
	if !t.IsZero() && !SaneTime(t) {
		c.say("%s: the year %d: use a time between %s and %s, or leave it out", field, t.Year(), MinTime.Format(time.DateOnly), MaxTime.Format(time.DateOnly))
	}
}

func (c *check) duration(field string, d Duration) {
	switch {
	case d < 0:
		c.say("options.%s: %s is negative: use a positive duration", field, d)
	case d > MaxDuration:
		c.say("options.%s: %s, at most %s (ten years): shorten it", field, d, MaxDuration)
	}
}

// atLeast accepts zero, which means none or the default. The method duration refuses negative values.
func (c *check) atLeast(field string, d, least Duration) {
	if d > 0 && d < least {
		c.say("options.%s: %s, at least %s: lengthen it, or leave it out", field, d, least)
	}
}

func (c *check) number(field string, n *int, least, most int) {
	if n != nil && (*n < least || *n > most) {
		c.say("%s: %d: use a number from %d to %d, or leave it out", field, *n, least, most)
	}
}

// json accepts an empty value.
func (c *check) json(field string, value json.RawMessage, want string, begins ...byte) {
	n := rawLen(value)
	c.bytes += n
	switch {
	case len(value) == 0:
	case n > MaxJSONBytes:
		c.say("%s: %d bytes of JSON, at most %d: shorten it", field, n, MaxJSONBytes)
	case !isJSON(value, begins...):
		c.say("%s: want %s", field, want)
	}
}

// isJSON reports whether raw is valid JSON that begins with one of the characters.
func isJSON(raw json.RawMessage, begins ...byte) bool {
	trimmed := bytes.TrimSpace(raw)
	return json.Valid(trimmed) && bytes.IndexByte(begins, trimmed[0]) >= 0
}

// namesBytes is more than the field names and punctuation of a start need, without its list entries.
const namesBytes = 2 << 10

// whole checks the size of a start. It names the request: the other fields of a start are small.
func (c *check) whole() {
	if n := c.bytes + namesBytes; n > MaxStartBytes {
		c.say("request: about %d bytes of JSON as a whole, at most %d: shorten its largest field", n, MaxStartBytes)
	}
}
