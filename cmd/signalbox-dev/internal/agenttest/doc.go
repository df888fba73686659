// Package agenttest shows that strangers' code works with everything in one process (Temporal, both providers simulated, ingress and workers): the
// example agent in Go, an agent and a business app in TypeScript's SDK of Temporal, and a client in TypeScript that is generated from the API's
// document. It has nothing but tests.
package agenttest
