package lifecycle

import "time"

// Limits of the state. Those of the contract, such as NoticeDeliveryTime and MaxNoticeBytes, are in workflows/notice.go. Bytes are bytes of
// JSON.
const (
	// maxHeaderBytes is the largest notice without its data. The contract's limits keep it far below. A larger one has texts that no target
	// of Temporal can have; they are clipped to maxTextBytes each.
	maxHeaderBytes = 8 << 10
	maxTextBytes   = 500
	maxErrorBytes  = 500
	// recordBytes is the most that a Notice adds to Bytes, without its log and error; attemptBytes is the most of one attempt in the log.
	recordBytes     = 250
	attemptBytes    = 200
	maxAttemptError = 100
	// maxGone is how many targets are remembered that want no more notices. Only callbacks of the configuration can refuse them.
	maxGone = 100
	// maxSeen is how many notices are remembered. A hand-off is repeated within minutes, and has at most 50 notices.
	maxSeen = 2000
)

// minDeliveryTime is the shortest time that a delivery is tried, however old the notice is.
const minDeliveryTime = time.Minute
