// Package workflows is the contract of Signalbox: the names, IDs, payloads, states and error types that the ingress, the relay,
// the workflows, the activities and the business apps agree on.
//
// It is the standard library only and knows nothing of how anything runs: no Temporal, no HTTP, no environment. What stands here
// is on the wire and in recorded histories, so names are constants that never follow a Go identifier, and fields are only ever
// added. Times are RFC 3339 in JSON whatever the provider sends.
package workflows
