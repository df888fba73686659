// Package offload reads what Offload posts to a case's webhook URL (Offload, "Webhook events").
//
// Real bodies may differ from the reference, whose own examples leave out event_id and timestamp. Fields that the reference doesn't
// have are ignored; the inbox keeps the whole body.
package offload

import (
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Name names Offload in deliveries.
const Name = "offload"

// Provider is Offload's row in the table.
var Provider = hook.Provider[workflows.CaseEvent]{Name: Name, Verify: Verify, Peek: Peek, Parse: Parse, Fit: Fit}
