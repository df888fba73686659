// Package offload reads what Offload posts to a case's webhook URL (Offload, "Webhook events").
//
// Real bodies may differ from Offload's documentation: even its examples have no event_id and no timestamp. Undocumented fields are
// ignored; the inbox keeps the whole body.
package offload

import (
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Name names Offload in deliveries.
const Name = "offload"

// Provider verifies and reads Offload's webhooks.
var Provider = hook.Provider[workflows.CaseEvent]{Name: Name, Verify: Verify, Peek: Peek, Parse: Parse, Fit: Fit}
