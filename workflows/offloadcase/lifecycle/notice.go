package lifecycle

import (
	"slices"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// The notices of the case. Their targets are CaseStart.ReplyTo, CaseStart.Notify and what the configuration names. Questions and outcomes are filled in when a notice is handed off: the state holds them anyway. So of each
// kind at most one notice waits. While hand-offs fail, a newer one takes the place of an older one.

// tellQuestion posts the open question. The subject tells the question from its reminders.
func tellQuestion(c *Case, subject string, now time.Time) {
	dropQuestionNotices(&c.State)
	post(c, workflows.NoticeCaseInputNeeded, workflows.NoticeData{}, subject, now)
}

// dropQuestionNotices takes back what waits to be told of a question that is not open any more.
func dropQuestionNotices(s *State) { take(s, workflows.NoticeCaseInputNeeded) }

func tellEnd(c *Case, now time.Time) {
	kind := workflows.NoticeCaseCompleted
	switch c.State.Status {
	case workflows.CaseFailed:
		kind = workflows.NoticeCaseFailed
	case workflows.CaseExpired:
		kind = workflows.NoticeCaseExpired
	case workflows.CaseCancelled:
		kind = workflows.NoticeCaseCancelled
	case workflows.CaseCompleted, workflows.CaseCreating, workflows.CaseCreateUncertain, workflows.CaseRunning, workflows.CaseInputNeeded, workflows.CaseInputSent:
	}
	post(c, kind, workflows.NoticeData{}, "", now)
}

// untold are reasons that no notice tells: an open question has its own kind, and those of notices could not be told.
var untold = []string{workflows.AttentionInputNeeded, workflows.AttentionNoticeRefused, workflows.AttentionNoticeDelayed}

// tellAttention posts the reasons that are new since the last turn. The outcome names its attention itself.
func tellAttention(c *Case, now time.Time) {
	s := &c.State
	reasons := Attention(*s)
	var added []string
	for _, reason := range reasons {
		if !slices.Contains(s.Noticed, reason) && !slices.Contains(untold, reason) {
			added = append(added, reason)
		}
	}
	if len(s.Noticed) == 0 && len(reasons) > 0 {
		s.NoticedAt = now
	}
	s.Noticed = reasons
	if len(added) == 0 || s.Status.Ended() {
		return
	}
	for _, waiting := range take(s, workflows.NoticeCaseAttention) {
		for _, reason := range waiting.Data.Attention {
			if slices.Contains(reasons, reason) && !slices.Contains(added, reason) {
				added = append(added, reason)
			}
		}
	}
	slices.Sort(added)
	post(c, workflows.NoticeCaseAttention, workflows.NoticeData{Attention: added}, strconv.FormatInt(s.Outbox.Seq, 10), now)
}

func post(c *Case, kind workflows.NoticeKind, data workflows.NoticeData, subject string, now time.Time) {
	c.State.Outbox = c.State.Outbox.Post(workflows.PostedNotice{Notice: workflows.Notice{
		Kind: kind, Source: source(*c), Reference: c.Start.Reference, Time: now, Data: data,
	}}, subject)
}

// take removes and returns the notices of a kind that wait.
func take(s *State, kind workflows.NoticeKind) (taken []workflows.PostedNotice) {
	var rest []workflows.PostedNotice
	for _, n := range s.Outbox.Waiting {
		if n.Kind == kind {
			taken = append(taken, n)
		} else {
			rest = append(rest, n)
		}
	}
	s.Outbox.Waiting = rest
	return taken
}

func source(c Case) string { return workflows.OffloadCaseWorkflowID(c.Start.Reference) }

// handOff is what is to be passed on now: the notices, filled in, and the start of "offload-files" beside them; nil where there is nothing, or
// the last hand-off failed a moment ago.
func handOff(c Case, now time.Time) *workflows.HandOff {
	s := c.State
	if s.Outbox.NotBefore.After(now) {
		return nil
	}
	h := workflows.HandOff{Source: source(c), Account: c.Start.Account, Notices: slices.Clone(s.Outbox.Due(now))}
	for i := range h.Notices {
		h.Notices[i].ReplyTo, h.Notices[i].Notify = c.Start.ReplyTo, c.Start.Notify
		data := &h.Notices[i].Data
		switch h.Notices[i].Kind {
		case workflows.NoticeCaseInputNeeded:
			data.Question = s.Facts.Question
		case workflows.NoticeCaseCompleted, workflows.NoticeCaseFailed, workflows.NoticeCaseExpired, workflows.NoticeCaseCancelled:
			outcome := Outcome(c)
			data.Outcome = &outcome
		default:
		}
	}
	if filesWaiting(c) {
		h.Files = filesStart(c)
	}
	if len(h.Notices) == 0 && h.Files == nil {
		return nil
	}
	return &h
}

// HandedOff takes in that a hand-off passed everything on.
func HandedOff(c Case, h workflows.HandOff) Case {
	c.State.Outbox = c.State.Outbox.HandedOff(h.Notices)
	if h.Files != nil {
		c.State.Files = FilesStarted
	}
	return c
}

// HandOffFailed takes in that a hand-off failed. Where Temporal refused notices and files together, the files are tried again alone.
func HandOffFailed(c Case, h workflows.HandOff, f rules.Failure, now time.Time) Case {
	s := &c.State
	if f.Type == workflows.ErrTypeNoticeInvalid && len(h.Notices) == 0 {
		s.Files = FilesRefused
	}
	s.Outbox = s.Outbox.Failed(h.Notices, f, now)
	return c
}

// wantsFiles says whether "offload-files" has anything to store of the case. Files of a cancelled case are not stored: the outcome names them.
func wantsFiles(c Case) bool {
	s := c.State
	if !s.Status.Ended() || s.Status == workflows.CaseCancelled || s.CaseID == "" || s.Files == FilesRefused {
		return false
	}
	return len(s.Facts.Attachments) > 0 || s.Facts.Omits(workflows.FieldResult)
}

func filesWaiting(c Case) bool { return wantsFiles(c) && c.State.Files == "" }

func filesStart(c Case) *workflows.FilesStart {
	s := c.State
	return &workflows.FilesStart{
		Account: c.Start.Account, Reference: c.Start.Reference, CaseID: s.CaseID, EndedAt: s.Since,
		Attachments: s.Facts.Attachments, Result: s.Facts.Omits(workflows.FieldResult),
		Seq: s.Outbox.Seq, ReplyTo: c.Start.ReplyTo, Notify: c.Start.Notify,
	}
}
