package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// merge merges what the provider reported, with the time by its clock. The result does not depend on the order of arrival: an end wins
// over a status that is not an end; otherwise the later status wins. merge returns false, and changes nothing, if two ends contradict
// each other.
//
// Webhooks and GET have different fields. Fields that only one of them has are filled in, in either order.
func merge(s *State, said workflows.CaseFacts, at time.Time) bool {
	have := &s.Facts
	// An end with all its attachments stays complete if another report of it omits some.
	whole := isEnd(have.Status) && !have.Omits(workflows.FieldAttachments)
	newer := compareReports(said.Status, at, have.Status, s.FactsAt)
	switch {
	case isEnd(said.Status) && isEnd(have.Status):
		if contradicts(said, *have) {
			return false
		}
		fillEnd(have, said)
		if at.After(s.FactsAt) {
			s.FactsAt = at
		}
	case newer > 0:
		before := *have
		have.Status, have.ResultStatus, have.Question = said.Status, said.ResultStatus, said.Question
		have.Result = said.Result
		setOmitted(have, workflows.FieldResult, said.Omits(workflows.FieldResult))
		setOmitted(have, workflows.FieldQuestion, said.Omits(workflows.FieldQuestion))
		if said.Question == nil && said.Status == workflows.OffloadInputNeeded && before.Status == workflows.OffloadInputNeeded {
			have.Question = before.Question // Offload's older GET does not repeat the question
			setOmitted(have, workflows.FieldQuestion, said.Omits(workflows.FieldQuestion) || before.Omits(workflows.FieldQuestion))
		} else {
			completeQuestion(have, before)
		}
		s.FactsAt = at
	case newer == 0:
		fillEnd(have, said)
	default:
		if have.Status == workflows.OffloadInputNeeded && asksLater(said.Question, have.Question) {
			have.Question = said.Question
		}
		completeQuestion(have, said)
	}
	fillLasting(have, said)
	if whole {
		setOmitted(have, workflows.FieldAttachments, false)
	}
	*have = have.Bounded()
	return true
}

// compareReports orders two reports of a status. At the same time, the later status in Offload's life cycle wins.
func compareReports(a string, aAt time.Time, b string, bAt time.Time) int {
	if isEnd(a) != isEnd(b) {
		if isEnd(a) {
			return 1
		}
		return -1
	}
	if c := aAt.Compare(bAt); c != 0 {
		return c
	}
	return cmp.Compare(rank(a), rank(b))
}

func rank(status string) int {
	return slices.Index([]string{workflows.OffloadCreated, workflows.OffloadRunning, workflows.OffloadInputNeeded, workflows.OffloadFailed, workflows.OffloadCompleted}, status)
}

// fillEnd fills in fields from another report of the same status.
func fillEnd(have *workflows.CaseFacts, said workflows.CaseFacts) {
	have.ResultStatus = cmp.Or(have.ResultStatus, said.ResultStatus)
	another := have.Question == nil || askedID(*have) != askedID(said)
	if another && shouldFill(have, said, workflows.FieldQuestion, have.Question != nil, said.Question != nil) {
		have.Question = said.Question
	}
	completeQuestion(have, said)
	if shouldFill(have, said, workflows.FieldResult, len(have.Result) > 0, len(said.Result) > 0) {
		have.Result = said.Result
	}
}

// shouldFill reports whether to copy a field from said: it is missing, or it is cut and said has it whole. It keeps Omitted right for the
// field.
func shouldFill(have *workflows.CaseFacts, said workflows.CaseFacts, field string, has, says bool) bool {
	omits := said.Omits(field)
	switch {
	case says && (!has || have.Omits(field) && !omits):
		setOmitted(have, field, omits)
		return true
	case !has && omits:
		setOmitted(have, field, true)
	}
	return false
}

func setOmitted(have *workflows.CaseFacts, field string, omitted bool) {
	if omitted {
		*have = have.Omitting(field)
		return
	}
	have.Omitted = slices.DeleteFunc(slices.Clone(have.Omitted), func(f string) bool { return f == field })
	if len(have.Omitted) == 0 {
		have.Omitted = nil
	}
}

// completeQuestion fills in what another report of the same question has: a text that is missing or cut here, and that the question is
// resolved. Offload never reopens a question with the same ID.
func completeQuestion(have *workflows.CaseFacts, other workflows.CaseFacts) {
	if have.Question == nil || other.Question == nil || have.Question.ID != other.Question.ID {
		return
	}
	question := *have.Question
	hasText, saysText := question.Text != "", other.Question.Text != ""
	if shouldFill(have, other, workflows.FieldQuestion, hasText, saysText) {
		question.Text = other.Question.Text
	}
	if other.Question.Status == workflows.QuestionResolved {
		question.Status = workflows.QuestionResolved
	}
	have.Question = &question
}

func asksLater(question, than *workflows.Question) bool {
	return question != nil && (than == nil || question.RequestedAt.After(than.RequestedAt))
}

// fillLasting merges the fields that never change in a case, or only grow.
func fillLasting(have *workflows.CaseFacts, said workflows.CaseFacts) {
	have.CaseID = cmp.Or(have.CaseID, said.CaseID)
	if shouldFill(have, said, workflows.FieldClientReferenceID, have.ClientReferenceID != "", said.ClientReferenceID != "") {
		have.ClientReferenceID = said.ClientReferenceID
	}
	have.Channel = cmp.Or(have.Channel, said.Channel)
	have.MaxAttempts = cmp.Or(have.MaxAttempts, said.MaxAttempts)
	have.AttemptCount = max(have.AttemptCount, said.AttemptCount)
	have.Attachments = allAttachments(have.Attachments, said.Attachments)
	switch {
	case said.Omits(workflows.FieldAttachments):
		setOmitted(have, workflows.FieldAttachments, true)
	case isEnd(said.Status) && len(said.Attachments) > 0:
		setOmitted(have, workflows.FieldAttachments, false)
	}
	if have.CreatedAt.IsZero() {
		have.CreatedAt = said.CreatedAt
	}
	if shouldFill(have, said, workflows.FieldFailureReason, have.FailureReason != nil, said.FailureReason != nil) {
		have.FailureReason = said.FailureReason
	}
	if shouldFill(have, said, workflows.FieldMetadata, len(have.Metadata) > 0, len(said.Metadata) > 0) {
		have.Metadata = said.Metadata
	}
	// Only GET has these two fields, and its newest answer counts. A case that has ended has no next action.
	if !said.UpdatedAt.IsZero() && !said.UpdatedAt.Before(have.UpdatedAt) {
		have.UpdatedAt, have.NextActionAt = said.UpdatedAt, said.NextActionAt
	}
	if isEnd(have.Status) {
		have.NextActionAt = time.Time{}
	}
}

// allAttachments returns the attachments of both, without duplicates, oldest first.
func allAttachments(have, said []workflows.Attachment) []workflows.Attachment {
	if len(said) == 0 {
		return have
	}
	all := slices.Clone(have)
	for _, a := range said {
		if !slices.ContainsFunc(all, func(b workflows.Attachment) bool { return b.ID == a.ID }) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b workflows.Attachment) int {
		return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}
