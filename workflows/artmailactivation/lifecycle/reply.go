package lifecycle

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Reply is an answer or a notice that is owed to a ReplyTo and not confirmed yet. It refers to its approval or run, which is kept for
// as long as the reply is owed.
type Reply struct {
	MessageID string `json:"messageId,omitempty"`
	RunID     string `json:"runId,omitempty"`
	// Kind is the notice's; empty for an answer.
	Kind workflows.NoticeKind `json:"kind,omitempty"`
	// At tells notices of one run and kind apart: the run's last activity before a warning, zero for the end, which comes once.
	At time.Time `json:"at,omitzero"`

	// Attempts that failed, and when to try again.
	Attempts  int       `json:"attempts,omitempty"`
	NotSooner time.Time `json:"notSooner,omitzero"`
}

// ReplyID is the same for a repeated reply, so that the receiver can drop the second. It holds the workflow's ID, since Artmail
// doesn't say that its message and run IDs are unique beyond one activation.
func (s *State) ReplyID(r Reply) string {
	id := workflows.ArtmailActivationWorkflowID(s.Start.Agent, s.Start.ActivationID)
	if r.Kind == "" {
		return id + "/approval/" + url.PathEscape(r.MessageID)
	}
	id += "/" + string(r.Kind) + "/" + url.PathEscape(r.RunID)
	if !r.At.IsZero() {
		id += "/" + strconv.FormatInt(r.At.UnixMilli(), 10)
	}
	return id
}

// To is where the reply goes.
func (s *State) To(r Reply) workflows.ReplyTo {
	if r.Kind == "" {
		return *s.approval(r.MessageID).ReplyTo
	}
	return *s.run(r.RunID).ReplyTo
}

// Answer is what an answer says.
func (s *State) Answer(r Reply) workflows.ApprovalReply {
	return workflows.ApprovalReply{
		ID: s.ReplyID(r), Agent: s.Start.Agent, ActivationID: s.Start.ActivationID, Approval: s.approval(r.MessageID).Approval,
	}
}

// Notice is what a notice says: the run as it is now.
func (s *State) Notice(r Reply) workflows.RunNotice {
	return workflows.RunNotice{
		ID: s.ReplyID(r), Kind: r.Kind, Agent: s.Start.Agent, ActivationID: s.Start.ActivationID, Run: s.run(r.RunID).Run,
	}
}

// DueReplies are the replies to send now, oldest first.
func (s *State) DueReplies(now time.Time) []Reply {
	var due []Reply
	for _, r := range s.Replies {
		if !r.NotSooner.After(now) {
			due = append(due, r)
		}
	}
	return due
}

// Confirmed forgets a reply that was delivered.
func (s *State) Confirmed(reply Reply) {
	s.Replies = slices.DeleteFunc(s.Replies, reply.same)
}

// same says whether both are one reply, however often it was tried.
func (r Reply) same(other Reply) bool {
	return r.MessageID == other.MessageID && r.RunID == other.RunID && r.Kind == other.Kind && r.At.Equal(other.At)
}

// Undelivered says that a reply was not delivered. Where the receiver is gone, it is given up at once: a closed workflow never takes a
// signal again, and one that was never there is a mistake of whoever named it. Any other cause may pass (the receiver has had its
// 10,000 signals and continues as new, say), so the reply is tried again for about a day.
func (s *State) Undelivered(reply Reply, gone bool, why string, now time.Time) []Note {
	at := slices.IndexFunc(s.Replies, reply.same)
	if at < 0 {
		return nil
	}
	r := &s.Replies[at]
	r.Attempts++
	if !gone && r.Attempts < maxReplyAttempts {
		r.NotSooner = now.Add(replyPause(r.Attempts))
		return nil
	}
	why = clip(why, maxWord)
	if r.Kind == "" {
		s.approval(r.MessageID).ReplyError = why
	} else {
		s.run(r.RunID).ReplyError = why
	}
	s.Replies = slices.Delete(s.Replies, at, at+1)
	return []Note{{Verdict: GivenUp, Kind: "reply", ID: s.ReplyID(reply), Why: why}}
}

const (
	maxReplyAttempts = 30
	firstReplyPause  = time.Minute
	longestPause     = time.Hour
)

// replyPause doubles from a minute to an hour.
func replyPause(attempts int) time.Duration {
	pause := firstReplyPause
	for range attempts - 1 {
		if pause *= 2; pause >= longestPause {
			return longestPause
		}
	}
	return pause
}

func (s *State) oweAnswer(a *Approval) {
	if a.ReplyTo != nil {
		s.Replies = append(s.Replies, Reply{MessageID: a.MessageID})
	}
}

// notify owes a notice. A warning that is still owed is replaced: the receiver needs to hear it once.
func (s *State) notify(r *Run, kind workflows.NoticeKind) {
	if r.ReplyTo == nil {
		return
	}
	notice := Reply{RunID: r.RunID, Kind: kind}
	if kind == workflows.NoticeRunStaleWarning {
		notice.At = r.LastActiveAt
		s.Replies = slices.DeleteFunc(s.Replies, func(o Reply) bool { return o.RunID == r.RunID && o.Kind == kind })
	}
	s.Replies = append(s.Replies, notice)
}
