package workflows

import "time"

// Limits of what enters from outside. An update or a start beyond one is refused; an event or an answer of a provider loses the part, which is
// named in CaseFacts.Omitted. Bytes of texts and JSON values are those of their JSON on the wire, escapes included: "<" counts six.
//
// A start, the facts, the answers and the unconfirmed events of a case stand side by side in its state, which must fit Temporal's 2 MiB.
const (
	// MaxIDBytes is the longest caseId, questionId, messageId, runId, activationId or attachmentId, in bytes of the ID itself. The
	// providers document none; what they send has 40.
	MaxIDBytes = 250
	// MaxClientReferenceIDBytes is the longest clientReferenceId, in bytes of the ID itself.
	MaxClientReferenceIDBytes = 1000
	// MaxTextBytes is the longest answer, question, objective or other text that a person or an agent writes.
	MaxTextBytes = 32 << 10
	// MaxShortTextBytes is the longest subject, reason, name or "by".
	MaxShortTextBytes = 500
	// MaxSignalNameBytes is the longest name of a signal.
	MaxSignalNameBytes = 255

	// MaxTaskQueueBytes is the longest name of a task queue.
	MaxTaskQueueBytes = 200

	// MaxJSONBytes is the largest metadata, result, knowledge or resultSchema.
	MaxJSONBytes = 256 << 10
	// MaxAttachments and MaxAttachmentsBytes bound the attachments of a case, as a number and all together.
	MaxAttachments      = 500
	MaxAttachmentsBytes = 128 << 10
	// MaxStartBytes is the largest start, and the largest request of retry-create.
	MaxStartBytes = 400 << 10
	// MaxConstraints and MaxCustomData are numbers of constraints and of customData's names.
	MaxConstraints = 100
	MaxCustomData  = 200
	// MaxFollowUps bounds maxAttempts, MaxFollowUpHours followUpDelayHours (a year).
	MaxFollowUps     = 1000
	MaxFollowUpHours = 366 * 24

	// MaxAPIKeyBytes is the longest API key of an agent, in bytes of the key itself. One has about 40.
	MaxAPIKeyBytes = 4 << 10

	// MaxListed is how many runs, notices or approvals one call names.
	MaxListed = 500

	// MaxDuration is the longest duration of an option: ten years.
	MaxDuration = Duration(10 * 366 * 24 * time.Hour)
	// MinRemindAfter and MinPollFloor bound what repeats though nothing happens: each reminder is a notice, and each look a request to Offload,
	// whose sum over all cases the worker's setting for reads per second bounds.
	MinRemindAfter = Duration(time.Minute)
	MinPollFloor   = Duration(10 * time.Millisecond)
)

// MinTime and MaxTime bound every time that enters from outside: none is before MinTime or after MaxTime. A time after the year 9999 can't be
// written as JSON, and times here have durations added to them.
var (
	MinTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	MaxTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// SaneTime says whether a time lies between MinTime and MaxTime.
func SaneTime(t time.Time) bool { return !t.Before(MinTime) && !t.After(MaxTime) }
