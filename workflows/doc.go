// Package workflows is the contract of Signalbox: the names, IDs, payloads, states and error types that the ingress, the relay, the
// workflows, the activities and the business apps share.
//
// It imports the standard library only: no Temporal, no HTTP, no environment. Its names and payloads are on the wire and in recorded
// histories, so names are constants that do not depend on Go identifiers. Times in JSON are RFC 3339, also if the provider sends another format.
//
// # Attention
//
// The values of SearchAttributeAttention say why a person should look at a workflow. What to do for each:
//
//   - account: Configure the account's API key for the workers, and restart them.
//   - adopt_refused: Adopt another caseId, or create the case again: the last error says why the caseId was not adopted.
//   - answer_delayed: The pending activity in the Temporal Web UI shows the last failure, or that no worker sends the answer; it is retried automatically. If the answer was accepted, check at Offload why the case does not go on.
//   - api_key_conflict: Ask Artmail which of the two API keys is right: Signalbox keeps the first.
//   - case_not_found: Check at Offload whether the caseId exists. If it does not, cancel the case. Reading is retried automatically.
//   - check_unanswered: Run a worker with the activity check-approval on the queue that the agent's configuration names.
//   - conflict: Offload reported two different ends, and Signalbox kept the first. Check at Offload which one is right.
//   - create_rejected: Create the case again with a corrected request, or cancel it: Offload refused the first one.
//   - create_uncertain: Check at Offload whether the case exists. If it does, adopt it with its caseId; if not, create it again.
//   - file_differs: Check the stored file: it has another size or type than Offload reported.
//   - file_not_stored: If the file is needed, download it from Offload: the list of files says why it was not stored.
//   - files_delayed: The pending activity in the Temporal Web UI shows the last failure, or that no worker stores the files. It is retried until its time is over.
//   - forbidden: Activate the API key at Offload, or use the account that owns the case.
//   - input_needed: Answer the question.
//   - no_api_key: Find the quarantined agent.activated and release it. If there is none, wait: Artmail repeats a webhook for hours. If it does not come, the brand must activate the agent again.
//   - not_created: The pending activity in the Temporal Web UI shows the last failure of POST /cases. It is retried automatically.
//   - notice_delayed: See the last error: notices can't be handed off, for example because the workers lack a permission, or because their configuration lacks the agent. They are retried automatically. If the agent is missing, this lasts 15 minutes; then its callbacks and hand-over do not get them.
//   - notice_given_up: Repair the receiver and send the notices again, or dismiss them.
//   - notice_refused: Read the outcome or the approval here: Temporal refused the notice about it, so no notice comes.
//   - question_expired: Answer the question, or cancel the case: no answer came in the time that the app gave.
//   - response_unclear: Ask the brand what it meant, and cancel the approval or wait for another response: the one that came says neither yes nor no, or not to which request.
//   - result_off_schema: Compare the result with the request's resultSchema: the outcome lists the violations.
//   - run_stale: Let the agent post to Artmail, or close the run: Artmail is about to end it.
//   - second_case: Look for both cases at Offload: two exist, or may exist, for the same reference, so the counterparty may get messages from both.
//   - still_running: The case has ended in Signalbox only, since Offload has no cancel. If it must stop, end it at Offload.
//   - unauthorized: Offload refuses the account's API key: correct it in the configuration, and restart the workers.
//   - unknown_status: Update Signalbox, or ask Offload what its new status means. Reading is retried automatically.
//   - unreachable: Check whether the workers can reach Offload: no read has succeeded for minutes, or Offload asked for a pause of minutes. Reading is retried automatically.
//   - unreadable_answer: The last error says what is wrong with Offload's response. Reading is retried automatically.
//   - usage_limit: Raise the monthly cap of the Offload plan, or wait for the next month (UTC). The creation is retried automatically.
//   - webhook_failure: Artmail paused the activation because webhooks failed: repair the endpoint that Artmail posts to, and resume the agent at Artmail.
//
// AttentionHelp is the source of these sentences.
package workflows
