// Package inbox is a table of deliveries: what arrived, where it should go, and the state it is in. This package holds the
// words and the Store interface. The stores are in its subfolders, and inboxtest is the one suite that each of them passes.
//
// It knows lanes, order, duplicates, claims, retries, retention and audit. It does not know what a delivery means: providers,
// kinds and reasons are strings to it, bodies are bytes that the caller has sealed, and times come from the caller, so that no
// store reads a clock.
//
// # One model
//
// Both stores have the same tables. A delivery has one row; its body stands apart. A lane has a row while it has pending
// deliveries: it holds the time from which the lane may be claimed, and the claim's owner. All state is in the database, so
// several processes may open one inbox at the same time, the command line among them.
//
// # Order
//
// A lane is a string, normally a workflow ID. Its deliveries are handed out in the order of their IDs, which is the order of
// arrival (see NewID), and never to two owners at a time. Lanes are independent.
//
// # At least once
//
// A claim whose lease has ended is handed out again, and so is what was settled just before a power cut. The receiver must not
// count a delivery twice.
package inbox
