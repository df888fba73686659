// Package lifecycle holds the rules of the workflow "notify", which delivers the notices of one source: plain functions over values, no
// clock, no Temporal. Next says which deliveries must be under way now.
//
// What happens to a notice, by its status:
//
//	event                 new        WAITING                 GIVEN_UP            DELIVERED, DISMISSED
//	Receive               WAITING¹   dropped as a repetition dropped             dropped
//	Delivered             -          DELIVERED               -                   -
//	Failed                -          GIVEN_UP³               -                   -
//	Resend                refused    refused                 WAITING²            refused
//	Dismiss               refused    refused                 DISMISSED           refused
//	Cancel                -          DISMISSED               DISMISSED           -
//	too much is held      GIVEN_UP¹  GIVEN_UP¹               loses data, record  record is forgotten
//
//	¹ see limits.go and queue.go
//	² refused where its data is gone, or too much would wait
//	³ where the target wants no more notices, all that wait for it too
package lifecycle
