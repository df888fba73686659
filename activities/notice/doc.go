// Package notice holds the activities that deliver notices: the hand-off to the workflow "notify" of their source, and one activity for each
// kind of target: a signal to a workflow, a signed POST to a callback, and the start of an agent's hand-over workflow.
package notice
