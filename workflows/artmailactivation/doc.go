// Package artmailactivation is the workflow "artmail-activation": one for each activation of an agent by a brand, perhaps for years.
//
// It is the Temporal code around the rules in package lifecycle: signals, updates, the timer, activities, continue-as-new. It contains no
// rules, no HTTP and no inbox. Package entity describes its loop and the files.
//
// A terminated run ends without a task, so no code here sees it: there is no notice and no outcome. To erase is to terminate and delete it in
// Temporal: workflows/signalbox/erase.go, and the command in cmd/signalbox/erase.go.
package artmailactivation
