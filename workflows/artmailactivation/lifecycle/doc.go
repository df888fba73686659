// Package lifecycle holds the rules of an Artmail activation: what an event, a call of the business app or the clock changes, and which calls
// should then run.
//
// The rules are plain functions: from an Activation, an event and the time they make the next Activation. An exported function never changes its
// argument, nor what that points to: it clones first, or, as Configure and HandOffFailed, only replaces values in its own copy. Unexported functions
// that take a pointer work on that copy. Next says which calls should run; nothing else starts work. A Note is for the log only.
//
// Artmail delivers late, twice and out of order. Where its times decide, the result depends on the set of events and not on their order: status
// and paused time come from a sorted record of pauses and resumes, the API key from the earliest activation. A time that is missing, or more than
// five minutes after the arrival, counts as the arrival.
//
//	event                 UNKNOWN               ACTIVE                PAUSED                DEACTIVATED, cancelled
//	agent.activated       ACTIVE, keeps key     duplicate (1)         PAUSED, keeps key     late
//	agent.paused          PAUSED                PAUSED (2)            PAUSED                late
//	agent.resumed         ACTIVE                ACTIVE                ACTIVE (2)            late
//	agent.deactivated     DEACTIVATED           DEACTIVATED           DEACTIVATED           late
//	approval_response     see below             see below             see below             late
//	run_force_failed      see below             see below             see below             late
//	request-approvals     registers             registers             refused (3)           refused (3)
//	cancel-approval       CANCELLED             CANCELLED             CANCELLED             refused (3)
//	open-run              opens                 opens                 refused (3)           refused (3)
//	close-run             CLOSED                CLOSED                CLOSED                refused (3)
//	touch-runs            moves the clock       moves the clock       moves the clock       nothing is open
//	activation-options    moves the clocks      moves the clocks      moves the clocks      nothing is open
//	reseal-api-key        refused: no key (4)   replaces the seal     replaces the seal     refused
//	cancelled in Temporal cancelled             cancelled             cancelled             nothing
//
//	(1) Another key raises api_key_conflict, and the earlier one stays. A first key is kept.
//	(2) If it is the newest change by Artmail's times; otherwise late. At the same time a pause wins.
//	(3) A repeated call gets the answer of the first one.
//	(4) Unless agent.activated has brought a key before.
//
// The end of the activation voids open approvals and runs, and drops the key. A cancellation in Temporal cancels open approvals.
//
//	event                   approval OPEN         APPROVED, REJECTED (5)  VOIDED (5)            any other end, or final
//	response, yes or no     APPROVED, REJECTED    the earlier one stays   APPROVED, REJECTED    late, counted
//	                                                                      if not later (6)
//	response, unclear       response_unclear      late                    late                  late
//	response to none        response_unclear      nothing                 nothing               nothing
//	run_force_failed        VOIDED                VOIDED if earlier       VOIDED                nothing
//	deadline passed (7)     reconciled, EXPIRED   nothing                 nothing               nothing
//	reconcile: yes or no    APPROVED, REJECTED    nothing                 nothing               nothing
//	reconcile: no answer    reconciled again      nothing                 nothing               nothing
//	reconcile: final error  EXPIRED               nothing                 nothing               nothing
//	reconcile: other error  reconciled again      nothing                 nothing               nothing
//	reconcile: none, 3 min  check_unanswered      nothing                 nothing               nothing
//	cancel-approval         CANCELLED             refused                 refused               refused; CANCELLED again is accepted
//
//	(5) Closed by a response or by the force-failure of its run, while the hand-off of its notice has not begun. The earlier event by Artmail's
//	    times decides, in any order of arrival, and its notice replaces the waiting one. If the notice had no target, the end stays correctable.
//	(6) At the same time the response wins, because the brand did answer.
//	(7) If the time ended more than 30 seconds ago, Temporal was away: the approval first waits two minutes for answers that the ingress
//	    accepted meanwhile.
//
//	event                   run not known         OPEN                    CLOSED                FORCE_FAILED          VOIDED
//	open-run                OPEN (8)              its clock, its replyTo  refused               refused               refused
//	request-approvals       OPEN (8)              its clock               refused               approval VOIDED       refused
//	touch-runs              nothing               its clock               nothing               nothing               nothing
//	close-run               refused               CLOSED                  CLOSED                refused               refused
//	run_force_failed (9)    FORCE_FAILED          FORCE_FAILED            late                  duplicate (10)        late
//	idle, warning is due    -                     run_stale, a notice     -                     -                     -
//	idle, 1 h after its end
//	  at Artmail was due    -                     run_stale ends          -                     -                     -
//	idle for 30 days (11)   -                     forgotten               -                     -                     -
//	end of the activation   -                     VOIDED                  nothing               nothing               -
//
//	(8) Refused while the activation is paused and after its end, and if there is no room for the run.
//	(9) It also voids the approvals of the run, as the table above says, in any status of the run before the end of the activation.
//	(10) The earlier time stays.
//	(11) A day while little room is left for runs. A run with an open approval stays. The clocks of runs stand still while the activation is paused.
//
// A response without a usable inResponseToId may answer any approval. Its attention lasts seven days at most, while an approval is open.
//
// Once the hand-off of its notice has begun, an end is final: a response that arrives later is late, even if its time is earlier. Ends by the
// clock, by a reconcile, by a cancellation and by the end of the activation are final at once, since they have no time of Artmail's.
//
// Events that arrive before their approval is registered are kept, and apply at the registration by the same rules: the earliest response that
// says yes or no, else an unclear one, and the force-failure of a run.
package lifecycle
