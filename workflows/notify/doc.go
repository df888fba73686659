// Package notify is the workflow "notify". It delivers the notices of one other workflow, its source: in order for each target, one
// delivery at a time for each, as activities that the server retries. It receives notices at the same time, and a target that is down
// does not delay other targets.
//
// The source's hand-off starts and signals the workflow. The workflow ends ten minutes after its last delivery, or thirty days after it if a target
// answered 410 and so wants no more. It stays open as long as it holds given-up notices. It continues as new during deliveries; they then start again,
// so a receiver may get a notice twice.
package notify
