// Package notice holds the activities that pass notices on: the hand-off to the workflow "notify" of their source, and one delivery for each kind
// of target: a signal to a workflow, a signed POST to a callback, and the start of an agent's hand-over workflow.
package notice
