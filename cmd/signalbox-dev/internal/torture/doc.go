// Package torture shows that no acknowledged event is lost and none counts twice while processes are killed.
//
// It runs Signalbox as it runs in production, in separate processes: the Temporal server, the ingress with its relay, the worker, and
// PostgreSQL where that keeps the inbox. The providers are simulated in this process. They play cases and activations whose webhooks repeat,
// overtake each other and come late, while each process is killed with SIGKILL, stopped with SIGSTOP and started again at seeded moments, and
// the disk of an ingress with SQLite is full. When no delivery is pending any more, it compares the answers that the providers got with the
// contents of the inbox, the workflows and the providers.
//
// It assumes only this: which bodies were answered with 204, byte for byte as they left the simulator. It does not ask Signalbox's own code for an event's
// dedupe key.
//
// SIGKILL can't show that a commit is synced: what the system has, it keeps when a process dies. Tracing the system calls shows that, in a
// test of the SQLite inbox.
package torture
