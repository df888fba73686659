// Package rules holds what the rules of all workflows share: refusals, failures of activities, the window of seen keys, the outbox of
// notices, and limits of texts and times. It is plain Go: values in, values out, no clock, no Temporal.
package rules
