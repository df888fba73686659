// Package clienttest tests the Go client against the real server: its lists, the to-do list, waiting, catching up, and the suite that the fake
// of package signalboxtest passes as well.
package clienttest
