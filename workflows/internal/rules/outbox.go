package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Outbox holds the notices that a workflow has not handed off yet, oldest first. Its zero value is empty.
//
// Data that the state holds anyway is left out here; the workflow fills it in when it hands the notice off.
type Outbox struct {
	// Seq is the number of the newest notice.
	Seq     int64                    `json:"seq,omitempty"`
	Waiting []workflows.PostedNotice `json:"waiting,omitempty"`
	// Attempts counts hand-offs that failed since the last one that succeeded, NotBefore is when to try again, and LastError why the last failed.
	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	LastError string    `json:"lastError,omitempty"`
	// Refused: notices were dropped, since Temporal refused them for good or too many were waiting. A person should look.
	Refused bool `json:"refused,omitempty"`
}

const (
	// handOffSize is how many notices one hand-off takes.
	handOffSize = 50
	// maxWaiting bounds what waits while hand-offs fail. A workflow posts fewer in one go.
	maxWaiting = 1500
	// delayedAfter is how many hand-offs in a row have to fail until a person should look. The pauses between that many are two minutes together.
	delayedAfter = 8
)

// Post adds a notice. Whether it has a target is only known at the hand-off, since the configuration may name one. The subject tells notices of
// one kind apart; a notice with the same kind and subject has the same ID.
func (o Outbox) Post(notice workflows.PostedNotice, subject string) Outbox {
	o.Seq++
	notice.ID, notice.Seq = NoticeID(notice.Source, notice.Kind, subject), o.Seq
	o.Refused = o.Refused || len(o.Waiting) == maxWaiting
	o.Waiting = Appended(o.Waiting, notice, maxWaiting)
	return o
}

// NoticeID is the ID of a notice: the same for the same source, kind and subject, and without dots.
func NoticeID(source string, kind workflows.NoticeKind, subject string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + string(kind) + "\x00" + subject))
	return "ntc_" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Due returns the notices to hand off now: none before NotBefore.
func (o Outbox) Due(now time.Time) []workflows.PostedNotice {
	if o.NotBefore.After(now) {
		return nil
	}
	return o.Waiting[:min(len(o.Waiting), handOffSize)]
}

// HandedOff drops the notices that a hand-off passed on.
func (o Outbox) HandedOff(notices []workflows.PostedNotice) Outbox {
	o.Attempts, o.NotBefore, o.LastError = 0, time.Time{}, ""
	o.Waiting = without(o.Waiting, notices)
	return o
}

// Failed takes in that a hand-off failed. It is tried again for as long as it takes, after pauses from a second to five minutes; one that
// Temporal refused as invalid is dropped, since it would be refused again.
func (o Outbox) Failed(notices []workflows.PostedNotice, f Failure, now time.Time) Outbox {
	if f.Type == workflows.ErrTypeNoticeInvalid {
		o = o.HandedOff(notices)
		o.Refused = true
		return o
	}
	o.Attempts++
	o.LastError = workflows.Clip(f.Message, workflows.MaxShortTextBytes)
	o.NotBefore = now.Add(min(firstHandOffPause<<min(o.Attempts-1, 10), longestHandOffPause))
	return o
}

// Delayed says whether hand-offs have failed for minutes. They may go on failing for ever: the worker may lack a permission at Temporal.
func (o Outbox) Delayed() bool { return o.Attempts >= delayedAfter }

// Trouble says in words, as Markdown, why notices are delayed; empty where they are not.
func (o Outbox) Trouble() string {
	if !o.Delayed() {
		return ""
	}
	return "Its notices could not be handed off for minutes; it is tried again by itself. The last error: " + Code(o.LastError) + "."
}

const (
	firstHandOffPause   = time.Second
	longestHandOffPause = 5 * time.Minute
)

func without(list, drop []workflows.PostedNotice) []workflows.PostedNotice {
	return slices.DeleteFunc(slices.Clone(list), func(n workflows.PostedNotice) bool {
		return slices.ContainsFunc(drop, func(d workflows.PostedNotice) bool { return d.Seq == n.Seq })
	})
}
