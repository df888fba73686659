// Package artmailactivation is the workflow "artmail-activation": it lives as long as a brand's activation of an agent does, for years
// perhaps, and carries out what the rules in lifecycle decide.
//
// It knows Temporal: signals, updates, the timer, activities, continue-as-new. It knows no rule of an activation, no HTTP and no inbox. Package
// entity says how its one loop goes.
package artmailactivation
