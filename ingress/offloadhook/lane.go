package offloadhook

import (
	"net/url"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Provider names Offload in deliveries.
const Provider = "offload"

const sharedPrefix = "offload-shared/"

// CaseLane is the lane of events that came by a case's capability URL: the workflow's ID.
func CaseLane(reference string) string { return workflows.OffloadCaseWorkflowID(reference) }

// SharedLane is the lane of events that came by the shared route, whose workflow is not known yet. One case has one lane, so
// that its events stay in order.
func SharedLane(caseID string) string { return sharedPrefix + url.PathEscape(caseID) }

// IsSharedLane tells the two apart.
func IsSharedLane(lane string) bool { return strings.HasPrefix(lane, sharedPrefix) }

// BodyContext is what a sealed body in the inbox is bound to: it opens only for its own delivery, in its own lane.
func BodyContext(lane, deliveryID string) []string {
	return []string{"delivery", Provider, lane, deliveryID}
}
