// Package postgres keeps the inbox in a PostgreSQL database (14 or later), for any number of processes at once.
//
// Each process merges the appends of its callers into one transaction at a time. Everything else that is shared is in the database.
// Connections must be sessions of their own: made directly, or by a pooler in session mode. Leases are compared with the clocks of
// the callers, which must agree to a few seconds.
//
// # Lanes and locks
//
// A lane has a row in inbox_lane while it has pending deliveries. A pending delivery without that row would never be claimed, so
// every transaction follows two rules:
//
//   - Append and replay, which make deliveries pending, first insert or lock the lane's row, and hold it until the commit.
//   - Settle and claim, which delete a lane's row, first lock it, and look for pending deliveries in a later statement, which sees
//     all that was committed before the lock was granted. They delete only rows that they have locked.
//
// So of an append and a settlement that meet in a lane, one comes second: the settlement then sees the new delivery and keeps the
// row; or the append finds the row deleted and inserts it again. A row without pending deliveries does no harm: a claim deletes it.
//
// Locks are taken in one order: lanes by key, then deliveries. Claims and purges skip what is locked. Everything else waits for a
// lock for a tenth of a second, then is tried again or leaves the lane out, so that a stopped process or a foreign session holds up
// only the lanes that it has locked.
package postgres
