// Package upgradetest tests upgrades and downgrades of workers. Each build runs as a worker in its own process, against the embedded
// Temporal server and the simulated providers of the tests.
package upgradetest
