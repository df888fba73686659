// Package upgradetest plays upgrades and downgrades of the workers: each build is a process that works for the embedded Temporal server of the tests and the
// simulated providers.
package upgradetest
