// Package offload holds the activities that call Offload: create a case, answer its question, read it once, and read it until something
// has changed (reconcile). Each makes one call and translates a failure into an error type of the contract.
//
// The activities decide which failures may be retried and how long to wait before the next attempt. The workflow decides which state
// follows, what raises attention, and how long a case may take.
//
// The workflow that schedules the activities sets their retry policy:
//
//   - For offload.create-case, the policy must name "TemporalTimeout:StartToClose" as non-retryable. Otherwise the server posts again when a
//     worker dies during the call.
//   - For offload.reconcile-case, the policy must not limit the attempts: each attempt is one read.
//   - Failures that need a person (OffloadUnauthorized, OffloadForbidden, OffloadNotFound, OffloadUsageLimit, OffloadUnknownAccount,
//     OffloadUnreadable) are retried slowly. The policy names such a type as non-retryable as long as the workflow has not raised attention
//     for it. The same holds for OffloadUnreachable, which only reconcile-case returns; it is retried at the usual pace.
//   - The start-to-close timeout must be longer than the client's timeout.
//
// The local activity offload.check-result makes no call: it checks a result against the schema of its request.
package offload
