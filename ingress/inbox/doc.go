// Package inbox is a table of deliveries: what arrived, where it should go, and what became of
// it. This package holds the words and the Store interface; the stores are in its subfolders,
// and inboxtest is the one suite that each of them passes.
//
// It knows lanes, order, duplicates, claims, retries and retention. It does not know what a
// delivery means: providers, kinds and reasons are strings to it, bodies are bytes that the
// caller has sealed, and times come from the caller, so that no store reads a clock.
//
// Order. A lane is a string, normally a workflow ID. Deliveries of one lane are handed out in
// the order of their appending, and never to two owners at a time. Lanes are independent.
//
// Handing out is at least once: a claim that outlives its lease may be handed out again, and
// the receiver must not count a delivery twice.
package inbox
