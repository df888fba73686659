// Package offloadhook reads what Offload posts to a case's webhook URL.
//
// It knows the envelope and the fields of Offload's "Webhook events" reference and how far real bodies may stray from it: the
// reference's own examples leave out event_id and timestamp. Offload signs nothing, so there is nothing to verify here; the
// capability URL is the ingress's to check. The package does not know HTTP, storage or what a workflow makes of an event.
//
// The rule for strays: what identifies an event (kind, caseId, event_id, inputRequestId) must be usable or the body is refused
// with ErrUnparseable. Any other field of a type that is not documented counts as not said: the end of a case must not be lost
// because attemptCount arrived as text. Unknown fields are ignored; the inbox keeps the whole body.
package offloadhook
