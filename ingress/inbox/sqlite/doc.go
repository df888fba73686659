// Package sqlite keeps the inbox in one SQLite file, for any number of processes on one machine.
//
// In each process one goroutine merges all waiting writes into one immediate transaction and syncs once for all of them (WAL, synchronous=FULL).
// Reads come from a pool of connections that can't write. While another process writes, the writer tries again every millisecond. SQLite's
// own pauses grow, so a process that writes rarely would hardly get the lock.
//
// A batch of only claims, renewals and settlements is not synced (synchronous=NORMAL). After a power cut its deliveries may be handed out again.
package sqlite
