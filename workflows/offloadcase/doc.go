// Package offloadcase is the workflow "offload-case": one for each case, from its creation to its outcome, for as long as it takes.
//
// It is the Temporal shell around the rules in lifecycle: it takes in what happens, lets the rules decide, and carries out what they want under
// way. It knows no rule of a case, no HTTP, and of the activities only their names in the contract.
package offloadcase
