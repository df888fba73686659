// Package offload holds the activities that call Offload: creating a case, answering its question, reading it, and reading it until
// there is news. Each is one call of the provider and one translation of its failure into the contract's error types.
//
// It knows which failures are safe to repeat and how long to wait before the next attempt. It knows nothing of the workflow: which
// state follows, what raises attention, and how long a case may take.
//
// The workflow that schedules the activities sets their retry policy. For offload.create-case it must name "TemporalTimeout:StartToClose" as
// non-retryable, or the server posts again by itself after a worker died in the middle. It must not limit the attempts of
// offload.reconcile-case, each of which is one read. What a person has to mend (OffloadUnauthorized, OffloadForbidden, OffloadNotFound,
// OffloadUsageLimit, OffloadUnknownAccount, OffloadUnreadable) is retried slowly unless the policy names it: so it does for what the workflow
// has not noted yet. OffloadUnreachable, of reconcile-case alone, is named in the same way, and retried at the usual pace. The start-to-close
// timeout must be longer than the client's timeout.
//
// Beside them, offload.check-result is a local activity that calls nothing: it compares a result with the schema that the request asked for.
package offload
