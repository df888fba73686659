// Package offloadfiles is the workflow "offload-files": it stores the attachments and the large result of a case in the bucket after the case
// has ended, so that the end is never delayed by a file.
//
// The rules are in lifecycle. What stands here is Temporal's side: calls, timer, handlers, search attributes.
package offloadfiles
