// Package offload reads what Offload posts to a case's webhook URL (Offload, "Webhook events").
//
// Real bodies may differ from Offload's documentation: even its examples have no event_id and no timestamp. Undocumented fields are
// ignored; the inbox keeps the whole body.
package offload

import (
	"net/url"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Name names Offload in deliveries.
const Name = "offload"

// Provider verifies and reads Offload's webhooks.
var Provider = hook.Provider[workflows.CaseEvent]{Name: Name, Verify: Verify, Peek: Peek, Parse: Parse, Fit: Fit}

const sharedPrefix = "offload-shared/"

// Lane returns the lane of events that came by a case's capability URL: the workflow's ID.
func Lane(reference string) string { return workflows.OffloadCaseWorkflowID(reference) }

// SharedLane returns the lane of events of a case that came by the shared route. Their workflow is not known yet.
func SharedLane(caseID string) string { return sharedPrefix + url.PathEscape(caseID) }

// IsSharedLane reports whether SharedLane made the lane.
func IsSharedLane(lane string) bool { return strings.HasPrefix(lane, sharedPrefix) }
