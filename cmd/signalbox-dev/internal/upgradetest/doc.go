// Package upgradetest plays upgrades and downgrades of the workers against the embedded Temporal server and the simulated providers.
package upgradetest
