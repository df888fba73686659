package lifecycle

// What the limits count for one of these.
var (
	ApprovalBytes = approvalBytes
	RunBytes      = runBytes
	ResponseBytes = responseBytes
)

// The room that each kind has, in these bytes.
const (
	MaxOpenApprovalBytes   = maxOpenApprovalBytes
	MaxClosedApprovalBytes = maxClosedApprovalBytes
	MaxOpenRunBytes        = maxOpenRunBytes
	MaxEndedRunBytes       = maxEndedRunBytes
	MaxEarlyBytes          = maxEarlyBytes
)
