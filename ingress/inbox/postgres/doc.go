// Package postgres keeps the inbox in a PostgreSQL database (14 or later), for any number of processes at once.
//
// Each process merges the appends of its callers into one transaction at a time. Connect directly, or by a pooler in session mode. Leases are
// compared with the clocks of the callers, which must agree to a few seconds.
//
// A delivery in a lane whose row is gone would never be claimed. So claim and replay insert or lock the lane's row before they put deliveries there, and
// hold it until the commit. Settle and claim lock a row before they delete it, and look for pending deliveries in a later statement.
//
// Locks are taken in one order: lanes by key, then deliveries. Where the order differs, and in purges, locked rows are skipped. Other operations wait
// 100 ms for a lock, up to four times. From the third time on a claim or renewal leaves the lane out; the others then return inbox.ErrLocked.
// An append locks no lane: it may wait only for a delivery with its own key that another process is about to commit.
package postgres
