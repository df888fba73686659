// Package workflows is the contract of Signalbox: the names, IDs, payloads, states and error types that the ingress, the relay,
// the workflows, the activities and the business apps agree on.
//
// It is the standard library only and knows nothing of how anything runs: no Temporal, no HTTP, no environment. What stands here
// is on the wire and in recorded histories, so names are constants that never follow a Go identifier, and fields are only ever
// added. Times are RFC 3339 in JSON whatever the provider sends.
//
// # Attention
//
// Why a person should look at a workflow: the values of SearchAttributeAttention. What to do for each:
//
//   - account: Configure the account's API key on the workers, and restart them.
//   - adopt_refused: Adopt another caseId, or create the case again: the last error says why the first one was not bound.
//   - answer_delayed: See the last error: the answer can't be sent, or no worker takes it. It is tried again by itself.
//   - api_key_conflict: Ask Artmail which of the two API keys is right: the first one is in use.
//   - case_not_found: Look at Offload whether the caseId exists, and cancel the case if it doesn't. It is read again by itself.
//   - check_unanswered: Run a worker with the activity check-approval on the queue that the agent's configuration names.
//   - conflict: Look at Offload which of the two ends is right: the first one stands here.
//   - create_rejected: Create the case again with a corrected request, or cancel it: Offload refused the first one.
//   - create_uncertain: Look at Offload whether the case exists: adopt it with its caseId, or create it again if there is none.
//   - file_differs: Compare the stored file with what Offload told of it: its size or type is another one.
//   - file_not_stored: Fetch the file from Offload by hand if it is needed: the list of files says why it was not stored.
//   - files_delayed: See the last error: no worker stores the files, or each attempt fails. They are tried again by themselves, within their time.
//   - forbidden: Activate the API key at Offload, or use the account that owns the case.
//   - input_needed: Answer the question.
//   - no_api_key: Look for the quarantined agent.activated and release it. If there is none, the brand has to activate the agent again.
//   - not_created: See why POST /cases can't be sent: the last error says it. It is tried again by itself.
//   - notice_delayed: See the last error: notices can't be handed off, as where the workers lack a permission. They are tried again by themselves.
//   - notice_given_up: Mend the receiver and send the notices again, or dismiss them.
//   - notice_refused: Look at the outcome or answer here: the notice about it was refused by Temporal and is not sent again.
//   - question_expired: Answer the question, or cancel the case: no answer came in the time that the app gave.
//   - response_unclear: Ask the brand what it meant, and cancel the approval or wait for another response.
//   - result_off_schema: Compare the result with the request's resultSchema: the outcome lists where they differ.
//   - run_stale: Let the agent post to Artmail, or close the run: Artmail is about to end it.
//   - second_case: Look at Offload at both cases: two were made for the same reference, so a counterparty may be written to twice.
//   - still_running: End the case at Offload, if it must stop: it has ended here only, since Offload has no cancel.
//   - unauthorized: Correct the account's API key in the configuration, and restart the workers: Offload refuses it.
//   - unknown_status: Update Signalbox, or ask Offload what its status means. The case is read again by itself.
//   - unreachable: See whether Offload can be reached from the workers: no read was answered for minutes. The case is read again by itself.
//   - unreadable_answer: See what Offload answers: the last error says it. The case is read again by itself.
//   - usage_limit: Raise the monthly cap of the Offload plan, or wait for the next month (UTC). The creation is tried again by itself.
//   - webhook_failure: Mend the endpoint that Artmail posts to, and resume the agent at Artmail: it paused the activation since deliveries failed.
//
// AttentionHelp is the source of these sentences.
package workflows
