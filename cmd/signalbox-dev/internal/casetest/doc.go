// Package casetest tests the whole life of an Offload case: the workflow, its activities and the ingress as in production, against the real
// Temporal server and the simulated provider, with lost webhooks, lost answers and killed workers. It has nothing but tests. The tests of a
// single package are in that package.
package casetest
