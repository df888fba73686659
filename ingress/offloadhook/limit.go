package offloadhook

import (
	"encoding/json"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Fit makes an event small enough for a signal: at most limit bytes of JSON. It returns that JSON beside the event.
//
// First the result is left out, then the attachments, which GET has as well; ResultOmitted tells the workflow to read the case.
// Metadata goes last, since only webhooks carry it. What is too large even then (a question or a failure reason) is refused with
// ErrUnparseable: cut in two it would say something else.
func Fit(event workflows.CaseEvent, limit int) (workflows.CaseEvent, json.RawMessage, error) {
	for _, omit := range []func(*workflows.CaseFacts){
		func(*workflows.CaseFacts) {},
		func(f *workflows.CaseFacts) { f.Result, f.ResultOmitted = nil, true },
		func(f *workflows.CaseFacts) { f.Attachments = nil },
		func(f *workflows.CaseFacts) { f.Metadata = nil },
	} {
		omit(&event.Facts)
		encoded, err := json.Marshal(event)
		if err != nil {
			return event, nil, fmt.Errorf("%w: encode: %w", ErrUnparseable, err)
		}
		if len(encoded) <= limit {
			return event, encoded, nil
		}
	}
	return event, nil, fmt.Errorf("%w: more than the %d bytes that a signal carries, even without its result", ErrUnparseable, limit)
}
