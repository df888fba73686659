package lifecycle

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// The state of a case, with its start (workflows.MaxStartBytes) and facts (CaseFacts.Bounded), stays below Temporal's 2 MiB. The query
// "state" has facts and answers twice: in the state and in the outcome.
const (
	// maxSeen is the size of the window of dedupe keys. A case has a handful of events. Only the relay repeats events: its newest batch, or
	// an operator's replay. A repetition beyond the window changes nothing, because the rules are idempotent.
	maxSeen = 128

	// maxUnconfirmed and maxUnconfirmedBytes limit the unconfirmed events; maxEventBytes limits one, so that there is room for two.
	maxUnconfirmed      = 8
	maxUnconfirmedBytes = 256 << 10
	maxEventBytes       = maxUnconfirmedBytes / 2

	// maxAnswers and maxAnswersBytes limit the answers; the newest are kept. One answer needs at most a third of the bytes.
	maxAnswers      = 10
	maxAnswersBytes = 128 << 10

	// maxOtherCases limits the IDs of other cases; the first one already raises attention.
	maxOtherCases = 10

	maxReasonBytes = 2 << 10
	maxErrorBytes  = 2 << 10
)

func clipError(message string) string { return workflows.Clip(message, maxErrorBytes) }

// withUnconfirmed returns the list with the event, within the limits. An event that is too large first loses the fields that GET has too.
// A list that is too large loses its oldest unproven event, or, if all are proven, its oldest event.
func withUnconfirmed(list []workflows.CaseEvent, e workflows.CaseEvent) []workflows.CaseEvent {
	for _, omit := range []func(*workflows.CaseFacts){
		func(f *workflows.CaseFacts) { f.Result = nil; *f = f.Omitting(workflows.FieldResult) },
		func(f *workflows.CaseFacts) { f.Attachments = nil; *f = f.Omitting(workflows.FieldAttachments) },
		func(f *workflows.CaseFacts) { f.Metadata = nil; *f = f.Omitting(workflows.FieldMetadata) },
	} {
		if workflows.JSONSize(e) > maxEventBytes {
			omit(&e.Facts)
		}
	}
	list = rules.Appended(list, e, len(list)+1)
	sizes := make([]int, len(list))
	total := 0
	for i := range list {
		sizes[i] = workflows.JSONSize(list[i])
		total += sizes[i]
	}
	for len(list) > maxUnconfirmed || total > maxUnconfirmedBytes {
		oldest := max(0, slices.IndexFunc(list, func(e workflows.CaseEvent) bool { return e.Unproven }))
		total -= sizes[oldest]
		list, sizes = slices.Delete(list, oldest, oldest+1), slices.Delete(sizes, oldest, oldest+1)
	}
	return list
}

// withAnswer returns the list with the answer, within the limits.
func withAnswer(list []workflows.Answer, a workflows.Answer) []workflows.Answer {
	return newestAnswers(rules.Appended(list, a, maxAnswers))
}

// newestAnswers returns the list without its oldest answers beyond maxAnswersBytes.
func newestAnswers(list []workflows.Answer) []workflows.Answer {
	for workflows.JSONSize(list) > maxAnswersBytes {
		list = list[1:]
	}
	return list
}
