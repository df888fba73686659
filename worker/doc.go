// Package worker registers the workflows and activities of Signalbox by the names of the contract and runs them: one Temporal worker for each
// task queue. It reads no environment and contains no rules of providers.
package worker
