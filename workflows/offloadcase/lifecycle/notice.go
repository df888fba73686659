package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// The notices of a case go to CaseStart.ReplyTo, CaseStart.Notify and the targets in the configuration. Questions and outcomes are filled
// in at the hand-off, because the state holds them anyway. So at most one notice of each kind waits; while hand-offs fail, a newer one
// replaces an older one.

// workflowID returns the ID of the case's workflow, which is the source of its notices.
func workflowID(c Case) string { return workflows.OffloadCaseWorkflowID(c.Start.Reference) }

func addNotice(c *Case, kind workflows.NoticeKind, data workflows.NoticeData, subject string, now time.Time) {
	c.State.Outbox = c.State.Outbox.Add(workflows.PostedNotice{Notice: workflows.Notice{
		Kind: kind, Source: workflowID(*c), Reference: c.Start.Reference, Time: now, Data: data,
	}}, rules.CaseSubject(c.State.BegunAt, subject))
}

// addQuestionNotice adds the notice of the open question. The subject distinguishes the question from its reminders.
func addQuestionNotice(c *Case, subject string, now time.Time) {
	withdrawQuestion(&c.State)
	addNotice(c, workflows.NoticeCaseInputNeeded, workflows.NoticeData{}, subject, now)
}

func addEndNotice(c *Case, now time.Time) {
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
	addNotice(c, kind, workflows.NoticeData{}, "", now)
}

// withdrawQuestion removes the waiting notice of a question.
func withdrawQuestion(s *State) { withdrawKind(s, workflows.NoticeCaseInputNeeded) }

// withdrawKind removes and returns the waiting notices of a kind.
func withdrawKind(s *State, kind workflows.NoticeKind) (withdrawn []workflows.PostedNotice) {
	var rest []workflows.PostedNotice
	for _, n := range s.Outbox.Waiting {
		if n.Kind == kind {
			withdrawn = append(withdrawn, n)
		} else {
			rest = append(rest, n)
		}
	}
	s.Outbox.Waiting = rest
	return withdrawn
}

// handOff returns the next hand-off: the notices with their data, and the start of "offload-files"; nil if there is nothing to hand off,
// the pause after a failed hand-off is not over, or a read must first bring the text of the open question.
func handOff(c Case, now time.Time) *workflows.HandOff {
	s := c.State
	if s.Outbox.NotBefore.After(now) || awaitsText(s) {
		return nil
	}
	h := workflows.HandOff{Source: workflowID(c), Account: c.Start.Account, Notices: slices.Clone(s.Outbox.Due(now))}
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

func awaitsText(s State) bool {
	return s.Status == workflows.CaseInputNeeded && s.ReadWanted && s.Facts.Question != nil && s.Facts.Question.Text == ""
}

// HandOffSucceeded applies a successful hand-off.
func HandOffSucceeded(c Case, h workflows.HandOff) Case {
	c.State.Outbox = c.State.Outbox.Remove(h.Notices)
	if h.Files != nil {
		c.State.Files = FilesStarted
	}
	return c
}

// HandOffFailed applies a failed hand-off. If Temporal refused notices and files together, the files are tried again alone.
func HandOffFailed(c Case, h workflows.HandOff, f rules.Failure, now time.Time) Case {
	s := &c.State
	if f.Type == workflows.ErrTypeNoticeInvalid && len(h.Notices) == 0 {
		s.Files = FilesRefused
	}
	s.Outbox = s.Outbox.Failed(h.Notices, f, now)
	return c
}

// wantsFiles reports whether "offload-files" has files to store. Files of a cancelled case are not stored; the outcome lists them.
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
