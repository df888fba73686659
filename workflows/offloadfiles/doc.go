// Package offloadfiles is the workflow "offload-files": it stores the attachments and the large result of a case in the bucket after the
// case has ended, so that a file never delays the end.
//
// The rules are in package lifecycle. This package is the Temporal code around them: calls, timer, handlers, search attributes.
package offloadfiles
