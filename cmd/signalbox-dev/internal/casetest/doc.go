// Package casetest shows the whole life of an Offload case where it has to hold: the workflow, its activities and the ingress as they run in
// production, against the real Temporal server and the simulated provider, with webhooks lost, answers lost and workers killed. It has
// nothing but tests; what each room promises by itself is shown in that room.
package casetest
