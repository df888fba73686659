package lifecycle

// Sizes that count against the limits.
var (
	ApprovalBytes = approvalBytes
	RunBytes      = runBytes
	ResponseBytes = responseBytes
)

// The limits of each kind of item, in bytes.
const (
	MaxOpenApprovalBytes   = maxOpenApprovalBytes
	MaxClosedApprovalBytes = maxClosedApprovalBytes
	MaxOpenRunBytes        = maxOpenRunBytes
	MaxEndedRunBytes       = maxEndedRunBytes
	MaxEarlyBytes          = maxEarlyBytes
)
