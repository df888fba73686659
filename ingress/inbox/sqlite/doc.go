// Package sqlite keeps the inbox in one SQLite file, for any number of processes on one machine.
//
// In each process one goroutine writes: it merges whatever waits into one immediate transaction and syncs once for all of it
// (WAL, synchronous=FULL). Reads come from a pool of connections that can't write. While another process writes, the writer
// tries again every millisecond: SQLite's own pauses grow longer and starve a process that writes seldom.
//
// A batch of claims, renewals and settlements alone is not synced (synchronous=NORMAL): a power cut can take it, and then the
// deliveries are handed out again. The death of a process can't.
package sqlite
