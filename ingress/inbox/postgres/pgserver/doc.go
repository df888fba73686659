// Package pgserver runs the PostgreSQL server of this machine for a trial: made in a folder, reachable by a UNIX socket in it and in no
// other way, run as another user by root, and ended with the process that runs it. It is for tests and for the development binary.
package pgserver
