// Package activationtest holds whole-system tests of Artmail activations: the real ingress, inbox, relay and workflow against the embedded
// Temporal server, and the simulated Artmail. It has nothing but tests.
package activationtest
