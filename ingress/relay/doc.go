// Package relay turns the deliveries of the inbox into signals to workflows.
//
// It knows lanes, the names and payloads of the contract, and which errors of Temporal concern one workflow or all. It does not know the
// meaning of an event or how it was verified.
//
// # Promises
//
// Each delivery is signalled at least once, with the same delivery ID each time. The pending deliveries of a lane are signalled in order, several
// in one signal where they fit; one that was unmatched is pending again after its replay, and comes after those that were signalled before.
// Lanes are independent. While Temporal is away or refuses everything, the relay holds all lanes back and counts no attempts.
//
// # Results
//
// A delivery ends as one of these, and can be replayed from each:
//
//   - delivered: Temporal accepted the signal, or the workflow is closed and has applied the delivery;
//   - late: the workflow is closed, and is not known to have applied the delivery; or it was erased, and its ID is that of another case now
//     (then a replay ends as late again);
//   - unmatched: the workflow did not exist during the grace time, which starts when Temporal first answers that there is none. The relay
//     replays the delivery when the workflow starts;
//   - dead: it can't be parsed, its workflow ID is too long, or too many attempts failed.
//
// A person can dismiss one that is late, unmatched or dead. It is then ignored, and can still be replayed.
//
// # Leases
//
// The relay claims lanes under a lease and renews the lease until the lane is settled. The lease is short, so that the lanes of a killed
// process don't wait long. The relay sends no signal for a lane whose lease may have ended.
package relay
