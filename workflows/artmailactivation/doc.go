// Package artmailactivation is the workflow "artmail-activation": it lives as long as a brand's activation of an agent does, for years
// perhaps, and carries out what the rules in lifecycle decide.
//
// It knows Temporal: signals, updates, timers, replies to other workflows, continue-as-new. It knows no rule of an activation, no HTTP
// and no inbox. It is one loop in one coroutine, which folds in what has come, carries out what is owed, and waits; update handlers
// change the state and return at once. Whatever outlives a run stands in lifecycle.State; what stands beside it in the activation
// struct can be lost and is made again from the state.
package artmailactivation
