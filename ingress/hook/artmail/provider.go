// Package artmail verifies and reads what Artmail posts to an agent's webhook URL (Artmail, "Publish your agent" and "Webhook events
// reference").
//
// The envelope is only partly documented: activationId and timestamp are certain, the name of the field that holds the kind, the
// form of the time and the place of the other fields are not. So the kind may stand under type, event, eventType or event_type, and
// every other field at the top or under data. Of a field that stands in both places, the one at the top counts. Fields that the
// reference doesn't have are ignored, since one of them may be the API key; the inbox keeps the whole body.
package artmail

import (
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Name names Artmail in deliveries. A delivery's scope is the agent.
const Name = "artmail"

// Provider is Artmail's row in the table.
var Provider = hook.Provider[workflows.ActivationEvent]{Name: Name, Verify: Verify, Peek: Peek, Parse: Parse, Fit: Fit}
