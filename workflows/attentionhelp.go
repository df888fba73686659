package workflows

import (
	"maps"
	"slices"
)

// attentionHelp says for each value of SearchAttributeAttention what a person can do.
var attentionHelp = map[string]string{
	AttentionInputNeeded:     "Answer the question.",
	AttentionQuestionExpired: "Answer the question, or cancel the case: no answer came in the time that the app gave.",
	AttentionCreateUncertain: "Check at Offload whether the case exists. If it does, adopt it with its caseId; if not, create it again.",
	AttentionNotCreated:      "The pending activity in the Temporal Web UI shows the last failure of POST /cases. It is retried automatically.",
	AttentionCreateRejected:  "Create the case again with a corrected request, or cancel it: Offload refused the first one.",
	AttentionUsageLimit:      "Raise the monthly cap of the Offload plan, or wait for the next month (UTC). The creation is retried automatically.",
	AttentionUnauthorized:    "Offload refuses the account's API key: correct it in the configuration, and restart the workers.",
	AttentionForbidden:       "Activate the API key at Offload, or use the account that owns the case.",
	AttentionCaseNotFound:    "Check at Offload whether the caseId exists. If it does not, cancel the case. Reading is retried automatically.",
	AttentionConflict:        "Offload reported two different ends, and Signalbox kept the first. Check at Offload which one is right.",
	AttentionSecondCase:      "Look for both cases at Offload: two exist, or may exist, for the same reference, so the counterparty may get messages from both.",
	AttentionStillRunning:    "The case has ended in Signalbox only, since Offload has no cancel. If it must stop, end it at Offload.",
	AttentionAdoptRefused:    "Adopt another caseId, or create the case again: the last error says why the caseId was not adopted.",
	AttentionUnknownStatus:   "Update Signalbox, or ask Offload what its new status means. Reading is retried automatically.",
	AttentionUnreadable:      "The last error says what is wrong with Offload's response. Reading is retried automatically.",
	AttentionAccount:         "Configure the account's API key for the workers, and restart them.",
	AttentionFileNotStored:   "If the file is needed, download it from Offload: the list of files says why it was not stored.",
	AttentionFileDiffers:     "Check the stored file: it has another size or type than Offload reported.",
	AttentionNoticeRefused:   "Read the outcome or the approval here: Temporal refused the notice about it, so no notice comes.",
	AttentionFilesDelayed:    "The pending activity in the Temporal Web UI shows the last failure, or that no worker stores the files. It is retried until its time is over.",
	AttentionNoticeDelayed:   "See the last error: notices can't be handed off, for example because the workers lack a permission, or because their configuration lacks the agent. They are retried automatically. If the agent is missing, this lasts 15 minutes; then its callbacks and hand-over do not get them.",
	AttentionUnreachable:     "Check whether the workers can reach Offload: no read has succeeded for minutes, or Offload asked for a pause of minutes. Reading is retried automatically.",
	AttentionAnswerDelayed:   "The pending activity in the Temporal Web UI shows the last failure, or that no worker sends the answer; it is retried automatically. If the answer was accepted, check at Offload why the case does not go on.",
	AttentionCheckUnanswered: "Run a worker with the activity check-approval on the queue that the agent's configuration names.",
	AttentionNoticeGivenUp:   "Repair the receiver and send the notices again, or dismiss them.",
	AttentionResultOffSchema: "Compare the result with the request's resultSchema: the outcome lists the violations.",

	AttentionPausedByFailure: "Artmail paused the activation because webhooks failed: repair the endpoint that Artmail posts to, and resume the agent at Artmail.",
	AttentionNoAPIKey:        "Find the quarantined agent.activated and release it. If there is none, wait: Artmail repeats a webhook for hours. If it does not come, the brand must activate the agent again.",
	AttentionRunStale:        "Let the agent post to Artmail, or close the run: Artmail is about to end it.",
	AttentionAPIKeyConflict:  "Ask Artmail which of the two API keys is right: Signalbox keeps the first.",
	AttentionResponseDropped: "Replay the activation's deliveries of approval responses: a response came before its request was registered, and was removed because too many such responses waited.",
	AttentionResponseUnclear: "Ask the brand what it meant, and cancel the approval or wait for another response: the one that came says neither yes nor no, or not to which request.",
}

// Attentions lists every value of SearchAttributeAttention, sorted.
func Attentions() []string { return slices.Sorted(maps.Keys(attentionHelp)) }

// AttentionHelp returns a sentence that says what a person can do about a value of SearchAttributeAttention. ok is false for a value that
// this version does not know.
func AttentionHelp(attention string) (sentence string, ok bool) {
	sentence, ok = attentionHelp[attention]
	return sentence, ok
}
