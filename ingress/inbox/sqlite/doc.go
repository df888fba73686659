// Package sqlite keeps the inbox in one SQLite file, for any number of processes on one machine.
//
// In each process one goroutine writes: it merges all waiting writes into one immediate transaction and syncs once for all of them
// (WAL, synchronous=FULL). Reads come from a pool of connections that can't write. While another process writes, the writer
// tries again every millisecond: SQLite's own pauses grow, so that a process that writes rarely would hardly get a turn.
//
// A batch of claims, renewals and settlements alone is not synced (synchronous=NORMAL): a power cut can undo it, and then the
// deliveries are handed out again. The end of a process can't undo it.
package sqlite
