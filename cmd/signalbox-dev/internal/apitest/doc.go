// Package apitest tests the HTTP API against everything in one process: Temporal, both providers (simulated), ingress and workers. Each answer
// is compared with the API's document.
package apitest
