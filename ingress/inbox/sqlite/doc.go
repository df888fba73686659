// Package sqlite keeps the inbox in one SQLite file, for any number of processes on one machine.
//
// In each process one goroutine merges all waiting writes into one immediate transaction and syncs once for all of them (WAL, synchronous=FULL).
// Reads come from a pool of connections that can't write. While another process writes, the writer tries again every millisecond, because with
// SQLite's growing pauses a process that writes rarely would hardly get a turn.
//
// A batch of claims, renewals and settlements alone is not synced (synchronous=NORMAL): after a power cut they may be handed out again.
package sqlite
