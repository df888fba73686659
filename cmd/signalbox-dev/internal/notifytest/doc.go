// Package notifytest tests the delivery of notices: the workflow "notify" and its activities as a worker runs them, against the real Temporal
// server. It has nothing but tests.
package notifytest
