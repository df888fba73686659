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
	// Attempts counts hand-offs that failed since the last one that succeeded, and NotBefore is when to try again.
	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Refused: notices were dropped, since Temporal refused them for good or too many were waiting. A person should look.
	Refused bool `json:"refused,omitempty"`
}

const (
	// handOffSize is how many notices one hand-off takes.
	handOffSize = 50
	// maxWaiting bounds what waits while hand-offs fail. A workflow posts fewer in one go.
	maxWaiting = 1500
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
	o.Attempts, o.NotBefore = 0, time.Time{}
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
	o.NotBefore = now.Add(min(firstHandOffPause<<min(o.Attempts-1, 10), longestHandOffPause))
	return o
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
