package offload

import "github.com/signalbox-dev/signalbox/workflows"

// isNews reports whether a read shows a change that the workflow does not know and has to act on.
//
// Only the status counts, even an undocumented one, and the question while the case waits for input. Other fields do not count: each message
// that Offload sends changes updatedAt, attemptCount and nextActionAt, but nothing for the business app. The workflow gets all fields with
// the next news. CREATED and RUNNING count as one status: Offload starts work by itself (Offload, "Case lifecycle"), which changes nothing for
// the app and would cost the history the events of one more read.
//
// If isNews returned true without a change for the workflow, the workflow would read again at once, in a hot loop.
func isNews(known workflows.KnownCase, seen workflows.CaseFacts) bool {
	switch {
	case ended(seen.Status):
		// An end is final, so times do not matter. The workflow handles an end that contradicts a known one.
		return seen.Status != known.Status
	case atWork(seen.Status) && atWork(known.Status):
		return false
	case seen.UpdatedAt.Before(known.UpdatedAt) && !seen.UpdatedAt.IsZero():
		// The read is older than a webhook that the workflow knows: reads may lag behind.
		return false
	case seen.Status != known.Status:
		return true
	case seen.Status == workflows.OffloadInputNeeded && seen.Question != nil:
		return isOtherQuestion(known, seen)
	}
	// With any other status than INPUT_NEEDED, the question is a resolved one. A missing question proves nothing: older APIs leave it out.
	return false
}

func isOtherQuestion(known workflows.KnownCase, seen workflows.CaseFacts) bool {
	q := seen.Question
	switch {
	case q.ID != known.QuestionID:
		return q.ID != ""
	case known.QuestionStatus == workflows.QuestionResolved && q.Status == workflows.QuestionPending:
		// Offload accepts the answer first and resolves the question a moment later. Only a later read can show that it is open again.
		return seen.UpdatedAt.After(known.UpdatedAt)
	}
	return q.Status != "" && q.Status != known.QuestionStatus
}

// atWork reports whether the case waits for Offload only.
func atWork(status string) bool {
	return status == workflows.OffloadCreated || status == workflows.OffloadRunning
}

func ended(status string) bool {
	return status == workflows.OffloadCompleted || status == workflows.OffloadFailed
}
