package offloadsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// The three events that Offload sends.
const (
	EventCompleted   = "case.completed"
	EventFailed      = "case.failed"
	EventInputNeeded = "case.input_needed"
)

// Events are the events for which a fault of a webhook can be planned.
var Events = []string{EventCompleted, EventFailed, EventInputNeeded}

// notify sends the event for the case as it is now, once; the caller holds the mutex. Without a webhook URL nothing
// is sent. There is no second attempt, even if the receiver refuses it.
func (s *Simulator) notify(c *offloadCase, event string, overrides map[string]any) error {
	if c.request.clientWebhookURL == "" {
		return nil
	}
	data := s.eventData(c, event)
	maps.Copy(data, overrides)
	id := fmt.Sprintf("evt_%s_%s_%d", c.id, strings.ReplaceAll(event, ".", "_"), c.updatedAt)
	envelope := map[string]any{"event_type": event, "data": data}
	if !s.undocumented.OmitEventID {
		envelope["event_id"] = id
	}
	if !s.undocumented.OmitTimestamp {
		envelope["timestamp"] = c.updatedAt + s.undocumented.TimestampSkew.Milliseconds()
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		return fmt.Errorf("encode webhook of case %s: %w", c.id, err)
	}
	s.Webhooks.Send(courier.Message{
		ID: id, Event: event, Key: c.id, URL: c.request.clientWebhookURL,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: body,
	}, nil)
	return nil
}

func (s *Simulator) eventData(c *offloadCase, event string) map[string]any {
	data := map[string]any{
		"caseId":       c.id,
		"status":       c.status,
		"channel":      c.request.channel,
		"attemptCount": c.attemptCount,
		"attachments":  nonNil(c.attachments),
	}
	if c.request.clientReferenceID != "" {
		data["clientReferenceId"] = c.request.clientReferenceID
	}
	if c.request.metadata != nil {
		data["metadata"] = c.request.metadata
	}
	if c.resultStatus != "" {
		data["resultStatus"] = c.resultStatus
	}
	switch event {
	case EventCompleted:
		if c.result != nil && !s.undocumented.OmitResult {
			data["result"] = c.result
		}
	case EventFailed:
		if c.failureReason != nil || !s.undocumented.OmitNullFailureReason {
			data["failureReason"] = c.failureReason
		}
	case EventInputNeeded:
		if c.input != nil {
			data["inputRequest"] = c.input.Question
			data["inputRequestId"] = c.input.ID
			data["inputRequestStatus"] = c.input.Status
			data["inputRequestedAt"] = c.input.RequestedAt
		}
	}
	return data
}
