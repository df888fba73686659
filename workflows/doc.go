// Package workflows is the contract of Signalbox: the names, IDs, payloads, states and error types that the ingress, the relay, the
// workflows, the activities and the business apps share.
//
// It imports the standard library only: no Temporal, no HTTP, no environment. Its names and payloads are on the wire and in recorded
// histories, so names are constants that do not depend on Go identifiers. Times in JSON are RFC 3339, also if the provider sends another format.
//
// # Attention
//
// The values of SearchAttributeAttention say why a person should look at a workflow. AttentionHelp says what to do for each.
package workflows
