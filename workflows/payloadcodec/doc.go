// Package payloadcodec encrypts what Temporal keeps: the inputs and results of workflows and activities, signals, updates and queries, memos,
// summaries and details, and the messages and stack traces of failures. Each client and each worker that shares workflows uses it with the
// same keys, a business app's own among them:
//
//	options := client.Options{HostPort: "temporal:7233"}
//	payloadcodec.New(ring).Apply(&options)
//	temporal, err := client.Dial(options)
//
// Temporal encrypts none of these, so they must hold nothing personal: IDs of workflows, activities and updates, names of signals, queries,
// updates, task queues and memo fields, types of workflows, activities and errors, search attributes, headers, identities, and the reason that a
// person writes when they terminate or reset a workflow.
//
// # Format
//
// An encrypted payload has the metadata encoding "binary/encrypted" and encryption-key-id, the ID of the key in decimal. Its data is the
// whole payload as a protobuf message, sealed by Tink's AES-256-GCM: byte 1, key ID (4 bytes, big-endian), nonce (12), ciphertext, tag (16).
// The associated data is "s", the bytes 1 and 16, and "temporal-payload". It does not name the workflow, since a codec
// server is not told which one a payload belongs to.
package payloadcodec
