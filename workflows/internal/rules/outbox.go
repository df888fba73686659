package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Outbox holds the notices that a workflow has not yet handed off, oldest first. The zero value is empty.
//
// Notices lack data that the state holds anyway: the workflow fills it in at the hand-off.
type Outbox struct {
	// Seq is the number of the newest notice.
	Seq     int64                    `json:"seq,omitempty"`
	Waiting []workflows.PostedNotice `json:"waiting,omitempty"`
	// Attempts counts the failed hand-offs since the last success. NotBefore is when the next may start. LastError is the error of the last
	// one.
	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	LastError string    `json:"lastError,omitempty"`
	// RefusedAt is when notices were last dropped, because Temporal refused them permanently or too many were waiting. Zero if that never
	// happened, or AttentionLasts has passed since.
	RefusedAt time.Time `json:"refusedAt,omitzero"`
}

const (
	// handOffSize is the most notices in one hand-off.
	handOffSize = 50
	// maxWaiting is the most notices that wait while hand-offs fail. A workflow adds fewer at once.
	maxWaiting = 1500
	// delayedAfter is how many hand-offs in a row must fail before a person should look. The pauses between them sum up to two minutes.
	delayedAfter = 8
)

// Add returns an outbox with one more notice; its list is new, so no older state changes. The notice may have no target: the configuration may
// name targets, and only the hand-off knows it. Two notices with the same source, kind and subject have the same ID.
func (o Outbox) Add(notice workflows.PostedNotice, subject string) Outbox {
	o.Seq++
	notice.ID, notice.Seq = NoticeID(notice.Source, notice.Kind, subject), o.Seq
	if len(o.Waiting) == maxWaiting {
		o.RefusedAt = notice.Time
	}
	o.Waiting = Appended(o.Waiting, notice, maxWaiting)
	return o
}

// NoticeID returns the ID of a notice, without dots. It depends on source, kind and subject only.
func NoticeID(source string, kind workflows.NoticeKind, subject string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + string(kind) + "\x00" + subject))
	return "ntc_" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// CaseSubject returns the subject of a notice about the case that began at a time: an earlier case may have had the same reference, and with it the
// same source.
func CaseSubject(begun time.Time, subject string) string {
	return begun.UTC().Format(time.RFC3339Nano) + "\x00" + subject
}

// NewSubject returns a subject that no earlier notice has. A run that was reset numbers its notices as the run before it did, so the subject has
// the time too: receivers drop an ID that they have seen.
func (o Outbox) NewSubject(now time.Time) string {
	return strconv.FormatInt(o.Seq+1, 10) + " " + now.Format(time.RFC3339Nano)
}

// Due returns the notices to hand off now; none before NotBefore.
func (o Outbox) Due(now time.Time) []workflows.PostedNotice {
	if o.NotBefore.After(now) {
		return nil
	}
	return o.Waiting[:min(len(o.Waiting), handOffSize)]
}

// Remove removes notices that a hand-off has passed on or Temporal has refused, and forgets the failed hand-offs before.
func (o Outbox) Remove(notices []workflows.PostedNotice) Outbox {
	o.Attempts, o.NotBefore, o.LastError = 0, time.Time{}, ""
	o.Waiting = without(o.Waiting, notices)
	return o
}

// Failed records a failed hand-off. It is retried without a limit, after pauses from one second to five minutes. Notices that Temporal
// refused as invalid are dropped, because Temporal would refuse them again.
func (o Outbox) Failed(notices []workflows.PostedNotice, f Failure, now time.Time) Outbox {
	if f.Type == workflows.ErrTypeNoticeInvalid {
		o = o.Remove(notices)
		o.RefusedAt = now
		return o
	}
	o.Attempts++
	o.LastError = workflows.Clip(f.Message, workflows.MaxShortTextBytes)
	o.NotBefore = now.Add(Backoff(firstHandOffPause, longestHandOffPause, o.Attempts-1))
	return o
}

// Refused reports whether notices were dropped lately. A person should look.
func (o Outbox) Refused() bool { return !o.RefusedAt.IsZero() }

// RefusedUntil returns when Tick ends Refused; zero means never.
func (o Outbox) RefusedUntil() time.Time { return LastsUntil(o.RefusedAt) }

// Tick applies the time: Refused ends.
func (o Outbox) Tick(now time.Time) Outbox {
	if Due(o.RefusedUntil(), now) {
		o.RefusedAt = time.Time{}
	}
	return o
}

// Delayed reports whether hand-offs have failed for minutes. They can fail for ever, for example if the worker lacks a permission in
// Temporal.
func (o Outbox) Delayed() bool { return o.Attempts >= delayedAfter }

// Trouble returns a sentence in Markdown that says why notices are delayed; empty if they are not.
func (o Outbox) Trouble() string {
	if !o.Delayed() {
		return ""
	}
	return "Its notices could not be handed off for minutes; this is retried automatically. The last error: " + Code(o.LastError) + "."
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
