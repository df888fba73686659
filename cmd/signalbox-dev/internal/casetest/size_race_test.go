//go:build race

package casetest_test

// A tenth of the numbers in size_test.go: the race detector makes the server slower, and finds no more races among more of the same cases.
const (
	fleetSize = 50
	underWay  = 4
)
