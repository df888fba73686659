package workflows

import "time"

// Limits of data from outside. An update or a start beyond a limit is refused. An event or response of a provider loses the field, and
// CaseFacts.Omitted names it. The bytes of texts and JSON values are those of their JSON on the wire, with escapes: "<" counts six.
//
// A case's state holds its start, facts, answers and unconfirmed events. Together they must stay below Temporal's limit of 2 MiB.
const (
	// MaxIDBytes is the longest caseId, questionId, messageId, runId, activationId or attachmentId, in bytes of the ID itself. The providers
	// document no limit; their IDs have about 40 bytes.
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
	// MaxAttachments is the most attachments of a case, MaxAttachmentsBytes their size all together.
	MaxAttachments      = 500
	MaxAttachmentsBytes = 128 << 10
	// MaxStartBytes is the largest start, and the largest request of retry-create.
	MaxStartBytes = 400 << 10
	// MaxConstraints is the most constraints of a request, MaxCustomData the most names in customData.
	MaxConstraints = 100
	MaxCustomData  = 200
	// MaxFollowUps is the largest maxAttempts, MaxFollowUpHours the largest followUpDelayHours (a year).
	MaxFollowUps     = 1000
	MaxFollowUpHours = 366 * 24

	// MaxAPIKeyBytes is the longest API key of an agent, in bytes of the key itself. Artmail's have about 40.
	MaxAPIKeyBytes = 4 << 10

	// MaxListed is the most runs, notices or approvals in one call.
	MaxListed = 500

	// MaxDuration is the longest duration of an option: ten years.
	MaxDuration = Duration(10 * 366 * 24 * time.Hour)
	// MinRemindAfter and MinPollFloor limit repetitions: each reminder is a notice, and each read is a request to Offload. The worker's
	// setting for reads per second limits the reads of all cases together.
	MinRemindAfter = Duration(time.Minute)
	MinPollFloor   = Duration(10 * time.Millisecond)
)

// MinTime and MaxTime are the earliest and latest time that is accepted from outside. Durations are added to times here, and a time after
// the year 9999 can't be written as JSON.
var (
	MinTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	MaxTime = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// SaneTime reports whether a time lies between MinTime and MaxTime.
func SaneTime(t time.Time) bool { return !t.Before(MinTime) && !t.After(MaxTime) }
