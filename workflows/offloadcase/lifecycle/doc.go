// Package lifecycle holds the rules of an Offload case as plain functions: a Case, something that happened and the time go in, the
// next Case comes out. Next then says what must be under way now that the case is so.
//
// Next looks at the state alone and not at how it came about. So a worker that was killed, a workflow that continued as new and one
// that never stopped carry out the same work, and an effect can't be forgotten between two of them.
//
// The package knows Offload's documented behaviour and the business app's options. It knows nothing of Temporal, has no clock and
// writes no log. Functions never change the Case they are given, nor anything it points to.
package lifecycle
