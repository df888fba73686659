// Package artmailactivation is the workflow "artmail-activation": one for each activation of an agent by a brand, perhaps for years.
//
// It is the Temporal code around the rules in package lifecycle: signals, updates, the timer, activities, continue-as-new. It contains no
// rules, no HTTP and no inbox. Package entity describes its loop.
package artmailactivation
