// Package sqlite keeps the inbox in one SQLite file, for one process.
//
// One goroutine writes: it merges whatever waits into one immediate transaction and syncs once
// for all of it (WAL, synchronous=FULL). Reads come from a pool of connections that cannot
// write. Claims are held in memory, since only one process may have the file open: after a
// crash everything pending is simply due again.
//
// Nothing here costs more as the table grows: the writer touches the ends of its indexes and the
// pending rows. Keys alone belong anywhere: the newest are in memory, and go into their table in its
// order once there are many.
package sqlite
