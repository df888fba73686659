// Package notify is the workflow "notify". It delivers the notices of one other workflow, its source. Each target gets its notices in
// order of seq, one at a time; one that a person resends can come after newer ones. Each delivery is an activity that the server retries. Meanwhile the workflow receives further notices, and a target
// that is down does not delay other targets.
//
// The source's hand-off starts and signals the workflow. The workflow ends ten minutes after its last delivery. If a target answered 410
// (it wants no more notices), it ends thirty days after the last delivery. It stays open as long as it holds given-up notices. It may continue
// as new during a delivery, which then starts again, so a receiver may get a notice twice.
//
// The rules are in package lifecycle. Package entity describes the loop and the files.
package notify
