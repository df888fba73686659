//go:build !race

package casetest_test

const (
	fleetSize = 500
	// underWay keeps the polls of the fleet below what one database takes.
	underWay = 40
)
