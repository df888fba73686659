package artmail

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Fit implements hook.Provider. It removes the reason, and then the user. IDs and the sealed key stay.
func Fit(event workflows.ActivationEvent, limit int) (workflows.ActivationEvent, json.RawMessage, error) {
	for _, omit := range []func(*workflows.ActivationEvent){
		func(*workflows.ActivationEvent) {},
		func(e *workflows.ActivationEvent) { e.Reason = "" },
		func(e *workflows.ActivationEvent) { e.User = nil },
	} {
		omit(&event)
		encoded, err := json.Marshal(event)
		if err != nil {
			return event, nil, fmt.Errorf("%w: encode: %w", hook.ErrUnparseable, err)
		}
		if len(encoded) <= limit {
			return event, encoded, nil
		}
	}
	return event, nil, fmt.Errorf("%w: its IDs and its key alone have more than the limit of %d bytes", hook.ErrUnparseable, limit)
}
