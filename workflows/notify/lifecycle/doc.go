// Package lifecycle holds the rules of the workflow "notify", which delivers the notices of one source: plain functions over values, without a
// clock and without Temporal. Next says which deliveries should run now.
//
// The effects of events on a notice, by its status:
//
//	event                 new        WAITING                 GIVEN_UP            DELIVERED, DISMISSED
//	Receive               WAITING¹   dropped as a repetition dropped             dropped
//	Delivered             -          DELIVERED               -                   -
//	Failed                -          GIVEN_UP³               -                   -
//	Resend                refused    refused                 WAITING²            refused
//	Dismiss               refused    refused                 DISMISSED           refused
//	Cancel                -          DISMISSED               DISMISSED           -
//	limit reached         GIVEN_UP¹  GIVEN_UP¹               loses data, record  record is removed
//
//	¹ see limits.go and giveup.go
//	² refused if its data is no longer held, or too much would wait
//	³ if the target wants no more notices, all others that wait for it too
package lifecycle
