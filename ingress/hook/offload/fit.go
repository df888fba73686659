package offload

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Fit implements hook.Provider. The result goes first, then the attachments, which GET has as well: ResultOmitted tells the workflow
// to read the case. Then goes the metadata, which only webhooks have, and at last all but the IDs and the status: the end of a case
// must arrive even if it brings a failure reason of a mebibyte.
func Fit(event workflows.CaseEvent, limit int) (workflows.CaseEvent, json.RawMessage, error) {
	for _, omit := range []func(*workflows.CaseFacts){
		func(*workflows.CaseFacts) {},
		func(f *workflows.CaseFacts) { f.Result, f.ResultOmitted = nil, true },
		func(f *workflows.CaseFacts) { f.Attachments = nil },
		func(f *workflows.CaseFacts) { f.Metadata = nil },
		func(f *workflows.CaseFacts) {
			*f = workflows.CaseFacts{CaseID: f.CaseID, ClientReferenceID: f.ClientReferenceID, Status: f.Status, ResultOmitted: true}
		},
	} {
		omit(&event.Facts)
		encoded, err := json.Marshal(event)
		if err != nil {
			return event, nil, fmt.Errorf("%w: encode: %w", hook.ErrUnparseable, err)
		}
		if len(encoded) <= limit {
			return event, encoded, nil
		}
	}
	return event, nil, fmt.Errorf("%w: its IDs alone have more than the %d bytes that a signal carries", hook.ErrUnparseable, limit)
}
