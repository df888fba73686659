// Package postgres keeps the inbox in a PostgreSQL database (14 or later), for any number of processes at once.
//
// Each process merges the appends of its callers into one transaction at a time. What is shared lies in the database: the order
// of a lane, the keys of dedupe, and who has claimed which lane until when, so that the claims of a process that died end by
// themselves and others go on.
//
// A row in signalbox_lane stands for a lane as long as something in it is pending. Whoever appends to a lane, claims, settles or
// replays holds its row: sequence values taken by concurrent transactions become visible in any order, but those of one lane are
// taken under its lock and so in the order of commits. A value is never less than its delivery's arrival, so that a list can go by time in this
// order; all processes take theirs from one place, each for a moment only. Locks are taken in one order everywhere, so that nobody waits in a circle:
// lanes by key, then new deliveries by key, then deliveries by sequence, then bodies, then counts. Claims wait for no lock.
//
// Each process is told by LISTEN and NOTIFY what became due by the doing of another. That is a hint only: a process that missed it finds
// the same by its next claim. Connections must be sessions of their own: made directly, or by a pooler in session mode.
//
// Leases are told by the clocks of the callers: between the machines that share an inbox they must agree to a few seconds.
package postgres
