package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

var errTooLarge = errors.New("more than a signal carries")

func (r *Relay) parseArtmail(d inbox.Delivery, body []byte) (any, int, error) {
	parsed, err := artmailhook.Parse(body, metaOf(d))
	if err != nil {
		return nil, 0, err
	}
	event := parsed.ActivationEvent
	if parsed.APIKey != "" {
		key, keyContext := []byte(parsed.APIKey), workflows.APIKeyContext(d.Scope, parsed.ActivationID)
		event.SealedAPIKey, err = r.keys.Seal(key, keyContext...)
		if err != nil {
			return nil, 0, fmt.Errorf("seal API key: %w", err)
		}
		event.APIKeyFingerprint = r.keys.Fingerprint(key, keyContext...)
	}
	encoded, err := json.Marshal(event)
	if err == nil && len(encoded) > maxSignalBytes {
		// Unknown fields are left out first; the inbox keeps them.
		event.Extra = nil
		encoded, err = json.Marshal(event)
	}
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("encode event: %w", err)
	case len(encoded) > maxSignalBytes:
		return nil, 0, fmt.Errorf("%w: %d bytes, at most %d", errTooLarge, len(encoded), maxSignalBytes)
	}
	return event, len(encoded), nil
}

// stateKey is set in the start options: an upsert would cost another history event.
var stateKey = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)

// sendArtmail signals the activation that the lane names, and starts it with its first event. It signals first: an activation lives
// for years, so that nearly every event finds it.
func (r *Relay) sendArtmail(ctx context.Context, lane string, events []any) sendResult {
	err := r.temporal.SignalWorkflow(ctx, lane, "", workflows.SignalArtmailEvents, events)
	if result := (sendResult{classify(err), err}); result.class != notFound {
		return result
	}
	agent, activationID, ok := workflows.ParseArtmailActivationWorkflowID(lane)
	if !ok {
		return sendResult{refused, fmt.Errorf("lane %q is no activation", lane)}
	}
	ended, err := r.ended(ctx, lane)
	if err != nil {
		return sendResult{busy, err}
	}
	if ended {
		return sendResult{class: closed}
	}
	options := r.config.Agents[agent]
	_, err = r.temporal.SignalWithStartWorkflow(ctx, lane, workflows.SignalArtmailEvents, events,
		client.StartWorkflowOptions{
			ID:                    lane,
			TaskQueue:             workflows.TaskQueueWorkflows,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			TypedSearchAttributes: temporal.NewSearchAttributes(stateKey.ValueSet(string(workflows.ActivationUnknown))),
			Memo:                  map[string]any{workflows.MemoActivationOptions: options.Normalized()},
		},
		workflows.ArtmailActivationWorkflow,
		workflows.ActivationStart{Agent: agent, ActivationID: activationID, Options: options},
	)
	result := sendResult{classify(err), err}
	if result.class == refused && strings.Contains(strings.ToLower(err.Error()), "search attribute") {
		// The namespace is wrong, not the event: no attempt is counted.
		r.logger.Error("an activation can't be started before the search attributes are registered: run signalbox setup", zap.Error(err))
		return sendResult{busy, err}
	}
	return result
}

// ended says whether the activation's end has been signalled before. Temporal refuses to start a closed workflow again only while its
// namespace keeps it; the inbox keeps deliveries for longer.
func (r *Relay) ended(ctx context.Context, lane string) (bool, error) {
	page, err := r.inbox.List(ctx, inbox.Filter{
		Lane: lane, Kind: workflows.KindAgentDeactivated, States: []inbox.State{inbox.StateDelivered, inbox.StateLate}, Limit: 1,
	})
	if err != nil {
		return false, fmt.Errorf("look for the activation's end: %w", err)
	}
	return len(page.Deliveries) > 0, nil
}
