package lifecycle

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
)

// What is carried goes through continue-as-new as one payload, and a payload fails at 2 MiB. So each part has its share of it, counted
// in bytes of JSON. The worst case is the sum of these and of the parts of fixed size (seen keys 40 KiB, pauses 30 KiB, key and user
// 30 KiB): 1.8 MiB.
const (
	maxOpenApprovalBytes   = 800 << 10 // beyond it, registering is refused; about 500 approvals of the usual size
	maxClosedApprovalBytes = 300 << 10 // beyond it, the oldest are forgotten
	maxOpenRunBytes        = 300 << 10 // beyond it, opening is refused; about 250 runs
	maxEndedRunBytes       = 150 << 10
	maxEarlyBytes          = 150 << 10
)

// What is closed is kept for whoever looks, the newest of each kind, and not for longer than the horizon.
const (
	maxKept     = 500
	keepHorizon = 30 * 24 * time.Hour

	// crowdedHorizon is how long an open run may be idle while there is little room left for runs.
	crowdedHorizon = 24 * time.Hour
)

const (
	// maxSeen bounds the window of seen dedupe keys. Artmail tries an event four times at once and three times more "over hours", so the
	// duplicates of an event come within a day of it. An activation's events are made by people (pauses, answers to approvals) and by runs
	// of a quarter of an hour; 2,000 a day is far more than that, and several bursts of hundreds of approvals fit in. A duplicate that
	// slips past the window changes no outcome, since each rule is idempotent by its own ID: message, run, or time of a pause.
	maxSeen = 2000

	// maxChanges bounds the pauses and resumes whose time is remembered.
	maxChanges = 100

	maxRequests  = 500      // of one list
	maxID        = 250      // bytes of a message, run or user ID
	maxSubject   = 500      // bytes
	maxURL       = 1000     // bytes
	maxWorkflow  = 1000     // bytes of a workflow ID; the server's own limit
	maxSignal    = 255      // bytes of a signal's name
	maxReason    = 300      // bytes of JSON of what a person or the provider wrote
	maxWord      = 100      // bytes of JSON of a reason that is one of the provider's words
	maxSealedKey = 16 << 10 // bytes
)

// jsonLen is the length of s inside JSON as the Go encoder writes it, quotes not counted. Go's json.Marshal itself is unknown to the
// check for nondeterminism, and slower.
func jsonLen(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			n, i = n+1, i+1
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += runeLen(r, size)
		i += size
	}
	return n
}

func runeLen(r rune, size int) int {
	switch {
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t', r == '\b', r == '\f':
		return 2
	case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
		return 6
	case r == utf8.RuneError && size == 1:
		return 6
	}
	return size
}

// clip shortens s to most bytes of JSON and makes it valid UTF-8.
func clip(s string, most int) string {
	if jsonLen(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	const mark = "…"
	n := len(mark)
	for i, r := range s {
		if n += runeLen(r, utf8.RuneLen(r)); n > most {
			return strings.ToValidUTF8(s[:i], "\uFFFD") + mark
		}
	}
	return s
}

// weight of an approval counts all of its texts, its reply, and room for the longest answer while it is open.
func (a *Approval) weight() int {
	const fixed = 700 // names of fields, times, the entry of its reply
	n := fixed + 3*jsonLen(a.MessageID) + jsonLen(a.RunID) + jsonLen(a.Subject) + jsonLen(a.CallbackURL) + weightOf(a.ReplyTo)
	if a.Status == workflows.ApprovalOpen {
		return n + maxReason + maxID
	}
	return n + jsonLen(a.Reason) + jsonLen(a.ResponseMessageID)
}

// weight of a run counts at most one warning and one end that wait to be confirmed.
func (r *Run) weight() int {
	const fixed = 700
	return fixed + 3*jsonLen(r.RunID) + maxReason + weightOf(r.ReplyTo)
}

func (r *Response) weight() int {
	const fixed = 250
	return fixed + jsonLen(r.MessageID) + jsonLen(r.RequestID) + jsonLen(r.Reason)
}

func weightOf(r *workflows.ReplyTo) int {
	if r == nil {
		return 0
	}
	return jsonLen(r.WorkflowID) + jsonLen(r.Signal)
}

// Refusal is why a call of the business app is refused; Type is one of the contract's.
type Refusal struct {
	Type    string
	Message string
}

func (r *Refusal) Error() string { return r.Message }

func refuse(errType, format string, args ...any) error {
	return &Refusal{Type: errType, Message: fmt.Sprintf(format, args...)}
}
