// Package worker registers the workflows and activities of Signalbox by the names of the contract and runs them: one Temporal worker for
// each task queue. It knows no environment and no provider's rules.
package worker
