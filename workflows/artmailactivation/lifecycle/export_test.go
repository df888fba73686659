package lifecycle

// What the limits count for one of these.
var (
	ApprovalBytes = approvalBytes
	RunBytes      = runBytes
	ResponseBytes = responseBytes
)
