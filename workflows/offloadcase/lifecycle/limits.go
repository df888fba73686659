package lifecycle

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// What a case carries, together with its start (workflows.MaxStartBytes) and its facts (CaseFacts.Bounded), stays below Temporal's 2 MiB. The
// state query shows facts and answers twice: by themselves and in the outcome.
const (
	// seenKeys bounds the window of dedupe keys. Offload sends each event once, and a case has a handful of them; what repeats one is the
	// relay, which has one batch per workflow under way and so repeats only the newest, and an operator's replay. An event that slips past
	// the window changes nothing: the rules are safe to repeat.
	seenKeys = 128

	// maxUnconfirmed and maxUnconfirmedBytes bound the unconfirmed events; maxEventBytes, for one, leaves room for two at least.
	maxUnconfirmed      = 8
	maxUnconfirmedBytes = 256 << 10
	maxEventBytes       = maxUnconfirmedBytes / 2

	// maxAnswers and maxAnswersBytes bound the answers, of which the newest stay. One takes a third of the bytes at most.
	maxAnswers      = 10
	maxAnswersBytes = 128 << 10

	// maxOtherCases bounds the IDs of second cases; a person looks at the first one already.
	maxOtherCases = 10

	maxReasonBytes = 2 << 10
	maxErrorBytes  = 2 << 10
)

func clipError(message string) string { return workflows.Clip(message, maxErrorBytes) }

// kept is the list with the event, within the bounds. Of an event that is too large, first goes what GET has as well. Of a list that is too
// large, the oldest event goes, and one that proves nothing before one that does.
func kept(list []workflows.CaseEvent, e workflows.CaseEvent) []workflows.CaseEvent {
	for _, omit := range []func(*workflows.CaseFacts){
		func(f *workflows.CaseFacts) { f.Result = nil; *f = f.Omitting(workflows.FieldResult) },
		func(f *workflows.CaseFacts) { f.Attachments = nil; *f = f.Omitting(workflows.FieldAttachments) },
		func(f *workflows.CaseFacts) { f.Metadata = nil; *f = f.Omitting(workflows.FieldMetadata) },
	} {
		if jsonLen(e) > maxEventBytes {
			omit(&e.Facts)
		}
	}
	list = rules.Appended(list, e, len(list)+1)
	sizes := make([]int, len(list))
	total := 0
	for i := range list {
		sizes[i] = jsonLen(list[i])
		total += sizes[i]
	}
	for len(list) > maxUnconfirmed || total > maxUnconfirmedBytes {
		oldest := max(0, slices.IndexFunc(list, func(e workflows.CaseEvent) bool { return e.Unproven }))
		total -= sizes[oldest]
		list, sizes = slices.Delete(list, oldest, oldest+1), slices.Delete(sizes, oldest, oldest+1)
	}
	return list
}

// withAnswer is the list with the answer, within the bounds.
func withAnswer(list []workflows.Answer, a workflows.Answer) []workflows.Answer {
	list = rules.Appended(list, a, maxAnswers)
	for jsonLen(list) > maxAnswersBytes {
		list = list[1:]
	}
	return list
}

// jsonLen is the number of bytes that a value takes on the wire. The values have no maps, so the encoder always writes the same.
//
//workflowcheck:ignore
func jsonLen(v any) int {
	raw, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt32 // it can't be kept
	}
	return len(raw)
}
