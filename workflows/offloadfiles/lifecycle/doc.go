// Package lifecycle holds the rules of storing the files of a case: plain functions that take the state and what happened, and return the new
// state. Next says what must be under way. No clock, no Temporal.
//
//	event                     STORING                                             STORED, CANCELLED, NO_BUCKET
//	Begin                     the start; STORED at once where there is no file    –
//	FileStored                the file is stored; STORED with the last one        nothing
//	FileFailed
//	  final                   the file is unstored; STORED with the last one      nothing
//	  no bucket, none stored  NO_BUCKET: no file is wanted any more               nothing
//	  not there yet           tried again until LagUntil, then final              nothing
//	  a new trouble           attention; tried again by the server                nothing
//	  anything else           tried again after the files that wait               nothing
//	Cancel                    CANCELLED; what is left is unstored                 refused
//	Tick, 15 minutes after
//	  a file came to its end  attention                                           nothing
//	Tick, at Until            STORED; what is left is unstored                    nothing
//	HandedOff, HandOffFailed  –                                                   the outbox changes
//
// At the end of STORING, except for NO_BUCKET, the notice "case.files_stored" is posted.
//
// The first file is tried alone and once, which tells whether the workers keep files at all. Then four are under way. While more files wait, a
// file is tried for half an hour and then makes room, so that four files that can't be fetched do not hold up the others.
package lifecycle
