// Package lifecycle holds the rules of storing the files of a case: plain functions that take the state and an event, and return the new state. Next
// says which calls should run. It has no clock and no Temporal.
//
//	event                     STORING                                             STORED, CANCELLED, NO_BUCKET
//	Begin                     the start; STORED at once if there is no file       –
//	FileStored                the file is stored; STORED with the last one        nothing
//	FileFailed
//	  final                   the file is unstored; STORED with the last one      nothing
//	  no bucket, none found   retried for 15 minutes, then NO_BUCKET              nothing
//	  not found yet           retried until LagUntil, then final                  nothing
//	  a new trouble           attention; the server retries                       nothing
//	  any other failure       retried after the files that wait                   nothing
//	Cancel                    CANCELLED; pending files become unstored            refused
//	Tick, 15 minutes after
//	  the last settled file   attention                                           nothing
//	Tick, at Until            STORED; pending files become unstored               nothing
//	HandOffSucceeded or
//	  HandOffFailed           –                                                   the outbox changes
//
// At the end of STORING, except for NO_BUCKET, the notice "case.files_stored" is added to the outbox.
//
// The first file is tried alone and once, to learn whether the workers have a bucket. If that worker has none, the file is retried alone, since
// another worker may have one. Then four files are stored at a time. While more files wait, a file is tried for half an hour and then makes room,
// so that four files that can't be downloaded do not delay the others.
package lifecycle
