// Package agenttest tests other code against everything in one process (Temporal, both simulated providers, ingress and workers): the example
// agent in Go, an agent and a business app with Temporal's TypeScript SDK, and a TypeScript client that is generated from the API's document. It
// has nothing but tests.
package agenttest
