// Package lifecycle holds the rules of an Offload case as plain functions: from a Case, an event and the time they make the next Case. Next then
// says which calls should run.
//
// Next depends on the state and the time only. So after a lost worker or a continue-as-new, the same calls run as without, and none is forgotten.
//
// The package knows Offload's documented behaviour and the business app's options. It has no Temporal, no clock and no log. An exported function
// never changes its argument, nor what that points to: it gets the Case by value, writes into its own copy through s := &c.State, and clones a list
// before it changes it. Unexported functions that take a pointer work on that copy.
//
// # Events and states
//
// C is CREATING, U is CREATE_UNCERTAIN, R is RUNNING, N is INPUT_NEEDED, S is INPUT_SENT, E is any end. The words of the table:
//
//	=           no change; the attention that is raised may follow
//	-           the event can't happen
//	R..E        the state that the event's status names
//	kept        the event waits among the unconfirmed ones, until a read confirms it
//	noted       the result is stored; the state stays
//	verify      the case is read before it is bound
//	read first  the end waits for a read that shows it and brings what it lacks
//	fills in    adds fields that the known end lacks
//	proven      sent to the case's own URL
//
// conflict, second_case and unknown_status are attention.
//
//	event                                     C       U       R, N, S                            E
//	created                                   R       -       second_case if another ID          caseId is noted
//	creation failed                           table below     -       second_case if uncertain, and an   noted
//	                                                                  earlier one was uncertain too
//	adopt-case                                refused verify  refused if another ID              refused
//	  after Offload rejected the request      verify  -       -                                  -
//	  a read shows the case                   R       R       -                                  -
//	  a read shows another clientReferenceId,
//	  an unreadable one, or fails             = !     = !     -                                  -
//	retry-create                              refused C       refused                            refused
//	  after Offload rejected the request      C       -       -                                  -
//	webhook on the case's own URL             R..E    R..E    by its status and time             conflict, or fills in
//	  after two uncertain creations           second_case too -                                  second_case too
//	  names another case than the bound one   -       -       second_case; binds it if the       second_case
//	                                                          bound one was only adopted
//	  is an end and lacks what GET has        R, read first   R, read first                      fills in
//	    3 minutes after a read that does
//	    not show the end                      -       -       one read, then E                   -
//	  is a question without a text or an ID   N, then read    N, then read                       =
//	webhook on the shared route, names
//	another case than the bound one           -       -       ignored, and may come again; kept  late, changes nothing
//	                                                          if the bound one was only adopted
//	webhook without time, on the shared
//	route, or an end with confirmEnd          kept    kept    kept; a read confirms it           conflict (proven), or fills in
//	  on the case's own URL                   R, kept R, kept kept; a read confirms it           conflict, or fills in
//	  of these an end that only lacks its
//	  time, once a read fails, or at the
//	  deadline or a cancellation              -       -       E                                  -
//	reconcile-now                             =       =       a read                             =
//	read or reconcile: RUNNING                -       -       R                                  =
//	  INPUT_NEEDED, question PENDING          -       -       N, or S after an answer            =
//	    15 minutes after an accepted answer   -       -       N, asked again                     =
//	  INPUT_NEEDED, question RESOLVED         -       -       S                                  =
//	  INPUT_NEEDED without a question, after
//	  a refused answer                        -       -       N, the question is unknown         =
//	  COMPLETED or FAILED                     -       -       E                                  conflict if it contradicts
//	  a status that is not known              -       -       = unknown_status, reads slowly     -
//	reconcile failed                          -       -       = attention by the table below     -
//	provide-input                             refused refused N: S, else refused                 refused
//	answer accepted or already resolved       -       -       S                                  noted
//	answer refused: not waiting, mismatch     -       -       R, then read                       noted
//	answer not delivered                      -       -       N, asked again                     noted
//	cancel                                    E       E       E                                  refused
//	deadline                                  E       E       one read, then E                   =
//	  seen more than 30 seconds late          =, for 2 minutes; then as above                    =
//	no creation for three minutes             = !     -       -                                  -
//	no result of an answer for three minutes  -       -       = !                                -
//	S for an hour after it was accepted       -       -       = !, then read                     -
//
// A deadline is seen late only after an outage of Temporal or its workers: the relay may still hold events that were accepted meanwhile. No case is
// created after its deadline.
//
// "!" raises attention: adopt_refused, not_created, answer_delayed. Hand-offs that fail for minutes raise notice_delayed in any state.
//
// The result of a read counts only if the read began after the webhook that it must complete. Results about another case than the bound one
// change nothing, and a read that began before reconcile-now does not satisfy it.
//
// If Offload ends a case whose request has a resultSchema, the result is checked before the outcome is handed off. A mismatch raises
// result_off_schema and changes nothing else.
//
// # Failures of calls
//
// A creation that may have made a case is never repeated automatically. After a reset, Temporal repeats a retry-create of the earlier run. That
// retry-create names the earlier run, not this one, so the creation becomes uncertain. "The server repeats it" means that Temporal retries the
// activity, at the usual pace.
//
//	failure type                 creation                                   read, reconcile            attention
//	OffloadNotSent, Throttled    the server repeats it                      the server repeats it      not_created, after 3 minutes
//	OffloadUnavailable           uncertain                                  the server repeats it      create_uncertain
//	OffloadUncertain, no type    uncertain                                  repeated after the ceiling create_uncertain; unreadable_answer
//	OffloadInvalidRequest        the case ends FAILED; with awaitCorrection -                          create_rejected
//	                             it waits for a corrected request
//	  after an uncertain one     uncertain; with awaitCorrection it waits   -                          create_uncertain; create_rejected
//	                             for a corrected request
//	OffloadUnauthorized          repeated slowly                            repeated slowly            unauthorized
//	OffloadForbidden             repeated slowly                            repeated slowly            forbidden
//	OffloadNotFound              repeated slowly                            repeated slowly            case_not_found
//	OffloadUsageLimit            repeated slowly                            repeated slowly            usage_limit
//	OffloadUnknownAccount        repeated slowly                            repeated slowly            account
//	OffloadUnreadable            uncertain                                  repeated slowly            unreadable_answer
//	OffloadUnreachable           -                                          the server repeats it      unreachable
//	Cancelled                    nothing was created                        given up                   -
package lifecycle
