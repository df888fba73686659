//go:build race

package casetest_test

// The race detector slows the server down by as much, and finds no more among more of the same cases.
const (
	fleetSize = 50
	underWay  = 4
)
