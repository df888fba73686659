// Package rules has the helpers that the rules of all workflows share: refusals, failures of activities, the times of events, the window of
// dedupe keys, the outbox of notices, and safe Markdown. It is plain Go without a clock and without Temporal.
package rules
