// Package offloadcase is the workflow "offload-case": one for each case, from its creation to its outcome, however long that takes.
//
// It is the Temporal code around the rules in package lifecycle: it applies news through the rules, and runs the calls that the rules ask
// for. It contains no rules and no HTTP, and knows activities by their names in the contract only. Package entity describes
// its loop and the files.
//
// A terminated run ends without a task, so no code here sees it: there is no notice and no outcome. To erase is to terminate and delete it in
// Temporal: workflows/signalbox/erase.go, and the command in cmd/signalbox/erase.go.
package offloadcase
