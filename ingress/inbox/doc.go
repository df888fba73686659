// Package inbox is a table of deliveries: what arrived, where it should go, and the state it is in. This package holds the
// types and the Store interface. The stores are in its subfolders, and each must pass the test suite inboxtest.
//
// It does not know what a delivery means: providers, kinds and reasons are strings. The caller seals the bodies and passes in all times.
//
// # The life of a webhook
//
// Append stores a delivery with its body and finds duplicates by a unique key; it is on disk when Append returns. Claim puts arrived deliveries into
// their lanes, and hands out lanes under a lease. Settle records the result. A lane without pending deliveries is deleted. Purge removes the body
// first, and much later the row with its key. All state is in the database, so several processes may open one inbox at the same time.
//
// # Order
//
// A lane is a string, normally a workflow ID. Its deliveries are handed out in the order of their IDs, which is the order of
// arrival (see NewID), and never to two owners at a time. Lanes are independent.
//
// # At least once
//
// A delivery is handed out again if its lease ends before it is settled, and sometimes if it was settled just before a power cut. The
// receiver must recognise a repetition by the delivery's ID or key.
package inbox
