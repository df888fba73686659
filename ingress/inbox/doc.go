// Package inbox is a table of deliveries: what arrived, where it should go, and the state it is in. This package holds the
// words and the Store interface. The stores are in its subfolders, and inboxtest is the one suite that each of them passes.
//
// It knows lanes, order, duplicates, claims, retries, retention and audit. It does not know what a delivery means: providers,
// kinds and reasons are strings to it, bodies are bytes that the caller has sealed, and times come from the caller, so that no
// store reads a clock.
//
// # The life of a webhook
//
// Append stores a delivery with its body and finds duplicates by a unique key; it is on disk when Append returns. Claim puts what has
// arrived into its lane, and hands out lanes under a lease. Settle records the result; with its last pending delivery a lane's row goes.
// Purge removes the body first, and much later the row with its key. All state is in the database, and the tables are the same in both
// stores, so several processes may open one inbox at the same time, the command line among them.
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
