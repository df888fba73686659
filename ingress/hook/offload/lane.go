package offload

import (
	"net/url"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

const sharedPrefix = "offload-shared/"

// Lane returns the lane of events that came by a case's capability URL: the workflow's ID.
func Lane(reference string) string { return workflows.OffloadCaseWorkflowID(reference) }

// SharedLane returns the lane of events of a case that came by the shared route. Their workflow is not known yet.
func SharedLane(caseID string) string { return sharedPrefix + url.PathEscape(caseID) }

// IsSharedLane reports whether SharedLane made the lane.
func IsSharedLane(lane string) bool { return strings.HasPrefix(lane, sharedPrefix) }
