// Package notice holds the activities that pass notices on: the hand-off to the workflow "notify" of their source, and the signal to a target.
package notice
