// Package postgres keeps the inbox in a PostgreSQL database (14 or later), for any number of processes at once.
//
// Each process merges the appends of its callers into one transaction at a time. Everything else that is shared is in the database.
// Connections must be sessions of their own: made directly, or by a pooler in session mode. Leases are compared with the clocks of
// the callers, which must agree to a few seconds.
//
// A delivery that is in a lane whose row is gone would never be claimed. So claim and replay, which put deliveries into lanes, first insert
// or lock the lane's row, and hold it until the commit; settle and claim, which delete such rows, first lock them, and look for what is
// pending in a later statement, which sees all that was committed before the lock was granted.
//
// Locks are taken in one order: lanes by key, then deliveries. Claims and purges skip what is locked. Everything else waits for a
// lock for a tenth of a second and is tried again, four times in all; a renewal then leaves the lane out, the others return
// inbox.ErrLocked. An append locks no lane: it may wait only for a delivery with its own key that another process is about to commit.
package postgres
