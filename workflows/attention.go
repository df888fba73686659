package workflows

import (
	"maps"
	"slices"
)

// attentionHelp has a sentence for each value of SearchAttributeAttention: what a person can do.
var attentionHelp = map[string]string{
	AttentionInputNeeded:     "Answer the question.",
	AttentionQuestionExpired: "Answer the question, or cancel the case: no answer came in the time that the app gave.",
	AttentionCreateUncertain: "Look at Offload whether the case exists: adopt it with its caseId, or create it again if there is none.",
	AttentionNotCreated:      "See why POST /cases can't be sent: the last error says it. It is tried again by itself.",
	AttentionCreateRejected:  "Create the case again with a corrected request, or cancel it: Offload refused the first one.",
	AttentionUsageLimit:      "Raise the monthly cap of the Offload plan, or wait for the next month (UTC). The creation is tried again by itself.",
	AttentionUnauthorized:    "Correct the account's API key in the configuration, and restart the workers: Offload refuses it.",
	AttentionForbidden:       "Activate the API key at Offload, or use the account that owns the case.",
	AttentionCaseNotFound:    "Look at Offload whether the caseId exists, and cancel the case if it doesn't. It is read again by itself.",
	AttentionConflict:        "Look at Offload which of the two ends is right: the first one stands here.",
	AttentionSecondCase:      "Look at Offload at both cases: two were made for the same reference, so a counterparty may be written to twice.",
	AttentionStillRunning:    "End the case at Offload, if it must stop: it has ended here only, since Offload has no cancel.",
	AttentionAdoptRefused:    "Adopt another caseId, or create the case again: the last error says why the first one was not bound.",
	AttentionUnknownStatus:   "Update Signalbox, or ask Offload what its status means. The case is read again by itself.",
	AttentionUnreadable:      "See what Offload answers: the last error says it. The case is read again by itself.",
	AttentionAccount:         "Configure the account's API key on the workers, and restart them.",
	AttentionFileNotStored:   "Fetch the file from Offload by hand if it is needed: the list of files says why it was not stored.",
	AttentionFileDiffers:     "Compare the stored file with what Offload told of it: its size or type is another one.",
	AttentionNoticeRefused:   "Look at the outcome or answer here: the notice about it was refused by Temporal and is not sent again.",
	AttentionFilesDelayed:    "See the last error: no worker stores the files, or each attempt fails. They are tried again by themselves, within their time.",
	AttentionNoticeDelayed:   "See the last error: notices can't be handed off, as where the workers lack a permission. They are tried again by themselves.",
	AttentionUnreachable:     "See whether Offload can be reached from the workers: no read was answered for minutes. The case is read again by itself.",
	AttentionAnswerDelayed:   "See the last error: the answer can't be sent, or no worker takes it. It is tried again by itself.",
	AttentionCheckUnanswered: "Run a worker with the activity check-approval on the queue that the agent's configuration names.",
	AttentionNoticeGivenUp:   "Mend the receiver and send the notices again, or dismiss them.",
	AttentionResultOffSchema: "Compare the result with the request's resultSchema: the outcome lists where they differ.",

	AttentionPausedByFailure: "Mend the endpoint that Artmail posts to, and resume the agent at Artmail: it paused the activation since deliveries failed.",
	AttentionNoAPIKey:        "Look for the quarantined agent.activated and release it. If there is none, the brand has to activate the agent again.",
	AttentionRunStale:        "Let the agent post to Artmail, or close the run: Artmail is about to end it.",
	AttentionAPIKeyConflict:  "Ask Artmail which of the two API keys is right: the first one is in use.",
	AttentionResponseUnclear: "Ask the brand what it meant, and cancel the approval or wait for another response.",
}

// Attentions lists every value of SearchAttributeAttention, sorted.
func Attentions() []string { return slices.Sorted(maps.Keys(attentionHelp)) }

// AttentionHelp says in a sentence what a person can do about a value of SearchAttributeAttention; ok is false for a value that this version
// does not know.
func AttentionHelp(attention string) (sentence string, ok bool) {
	sentence, ok = attentionHelp[attention]
	return sentence, ok
}
