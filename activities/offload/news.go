package offload

import "github.com/signalbox-dev/signalbox/workflows"

// isNews says whether a read shows what the workflow has to act on and doesn't know yet.
//
// Every message that Offload sends moves updatedAt, attemptCount and nextActionAt while nothing changes for the business app: a case with
// follow-ups would wake its workflow each time, for nothing. So only the status counts, also one that is not documented, and the question while a case waits for input. The
// other facts come with the next news at the latest, which carries them all. CREATED and RUNNING count as one: Offload takes a case up by
// itself (Offload, "Case lifecycle"), which changes nothing, and telling of it would cost a history the events of one more read.
//
// Too wide would be worse than too narrow: the workflow, having learnt nothing, would start to read again at once, and see the same.
func isNews(known workflows.KnownCase, seen workflows.CaseFacts) bool {
	switch {
	case ended(seen.Status):
		// An end is final whatever the times say; that it contradicts a known end is for the workflow to say.
		return seen.Status != known.Status
	case atWork(seen.Status) && atWork(known.Status):
		return false
	case seen.UpdatedAt.Before(known.UpdatedAt) && !seen.UpdatedAt.IsZero():
		// An older state than the one that a webhook has told: reads may lag behind.
		return false
	case seen.Status != known.Status:
		return true
	case seen.Status == workflows.OffloadInputNeeded && seen.Question != nil:
		return isOtherQuestion(known, seen)
	}
	// Without INPUT_NEEDED, a question is a recently resolved one, which asks nothing of anybody. A missing one says nothing: older APIs
	// leave it out.
	return false
}

func isOtherQuestion(known workflows.KnownCase, seen workflows.CaseFacts) bool {
	q := seen.Question
	switch {
	case q.ID != known.QuestionID:
		return q.ID != ""
	case known.QuestionStatus == workflows.QuestionResolved && q.Status == workflows.QuestionPending:
		// Offload takes the answer first and resolves the question a moment later. Only a later state can have opened it again.
		return seen.UpdatedAt.After(known.UpdatedAt)
	}
	return q.Status != "" && q.Status != known.QuestionStatus
}

// atWork is true while only Offload has anything to do.
func atWork(status string) bool {
	return status == workflows.OffloadCreated || status == workflows.OffloadRunning
}

func ended(status string) bool {
	return status == workflows.OffloadCompleted || status == workflows.OffloadFailed
}
