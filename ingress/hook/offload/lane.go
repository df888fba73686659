package offload

import (
	"net/url"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

const sharedPrefix = "offload-shared/"

// Lane is the lane of events that came by a case's own URL: the workflow's ID.
func Lane(reference string) string { return workflows.OffloadCaseWorkflowID(reference) }

// SharedLane is the lane of events that came by the shared route, whose workflow is not known yet. One case has one lane, so
// that its events stay in order.
func SharedLane(caseID string) string { return sharedPrefix + url.PathEscape(caseID) }

// IsSharedLane tells a SharedLane from a Lane.
func IsSharedLane(lane string) bool { return strings.HasPrefix(lane, sharedPrefix) }
