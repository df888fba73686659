package relay

import (
	"context"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// sealAPIKey puts the API key into the event, sealed for its activation alone.
func (r *Relay) sealAPIKey(parsed *hook.Parsed[workflows.ActivationEvent], d inbox.Delivery) error {
	if parsed.APIKey == "" {
		return nil
	}
	key, keyContext := []byte(parsed.APIKey), workflows.APIKeyContext(d.Scope, parsed.EntityID)
	sealed, err := r.keys.Seal(key, keyContext...)
	if err != nil {
		return fmt.Errorf("seal API key: %w", err)
	}
	parsed.Event.SealedAPIKey, parsed.Event.APIKeyFingerprint = sealed, r.keys.Fingerprint(key, keyContext...)
	return nil
}

// stateKey is set in the start options, because an upsert would cost one more history event.
var stateKey = temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState)

// sendArtmail signals the activation that the lane names, or starts it with the event if it does not exist. It tries the signal first,
// because nearly every event belongs to an activation that runs: one lives for years.
func (r *Relay) sendArtmail(ctx context.Context, lane string, events []pendingEvent) sendResult {
	signal := signalOf(events)
	err := r.temporal.SignalWorkflow(ctx, lane, "", workflows.SignalArtmailEvents, signal)
	if result := resultOf(err); result.class != notFound {
		return result
	}
	// The lane may hold a hash of the activationId; the event has the activationId itself.
	agent, activationID := events[0].Scope, events[0].entityID
	if workflows.ArtmailActivationWorkflowID(agent, activationID) != lane {
		return sendResult{class: refused, err: fmt.Errorf("lane %q is not the ID of the activation %q of agent %q", lane, activationID, agent)}
	}
	ended, err := r.ended(ctx, lane)
	if err != nil {
		return sendResult{class: busy, err: err}
	}
	if ended {
		if why := r.whyNotFound(ctx, lane, events[0].ReceivedAt, err); why.class != notFound {
			return why
		}
		return sendResult{class: closed}
	}
	options := r.config.Agents[agent]
	_, err = r.temporal.SignalWithStartWorkflow(ctx, lane, workflows.SignalArtmailEvents, signal,
		client.StartWorkflowOptions{
			ID:                    lane,
			TaskQueue:             workflows.TaskQueueWorkflows,
			WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			StaticSummary:         workflows.Clip("Activation "+activationID+" of agent "+agent, 200),
			TypedSearchAttributes: temporal.NewSearchAttributes(stateKey.ValueSet(string(workflows.ActivationUnknown))),
			Memo:                  map[string]any{workflows.MemoActivationOptions: options.Normalized()},
		},
		workflows.ArtmailActivationWorkflow,
		workflows.ActivationStart{Agent: agent, ActivationID: activationID, Options: options},
	)
	result := resultOf(err)
	if result.class == closed {
		return r.whyNotFound(ctx, lane, events[0].ReceivedAt, err)
	}
	if result.class == refused && workflows.IsMissingSearchAttribute(err.Error()) {
		return r.waitForSetup("an activation can't be started", err)
	}
	return result
}

// waitForSetup returns busy: the error lies in the namespace, not in the event, so no attempt is counted.
func (r *Relay) waitForSetup(what string, err error) sendResult {
	r.logger.Error(what+" before the search attributes are registered: run signalbox setup", zap.Error(err))
	return sendResult{class: busy, err: err}
}

// ended reports whether the activation's workflow has closed or was erased: its end was signalled, or an event came too late for it, as after
// a person stopped it. Temporal refuses to start a closed workflow again only for as long as its namespace keeps it; the inbox keeps
// deliveries for longer.
func (r *Relay) ended(ctx context.Context, lane string) (bool, error) {
	erased, err := r.inbox.Audited(ctx, inbox.ActErase, inbox.ErasedSubject(lane))
	if err != nil || erased {
		return erased, err
	}
	isSign := func(d inbox.Delivery) bool {
		return wasBefore(d, inbox.StateLate) || d.Kind == workflows.KindAgentDeactivated && wasBefore(d, inbox.StateDelivered)
	}
	for _, filter := range []inbox.Filter{
		{Lane: lane, States: []inbox.State{inbox.StateDelivered}, Kind: workflows.KindAgentDeactivated, Limit: 1},
		{Lane: lane, States: append(inbox.OpenStates(), inbox.StateIgnored), Limit: inbox.MaxPage}, // ignored: a person may have dismissed it
	} {
		for more := true; more; more = filter.Cursor != "" {
			page, err := r.inbox.List(ctx, filter)
			if err != nil {
				return false, fmt.Errorf("find the activation's end: %w", err)
			}
			if slices.ContainsFunc(page.Deliveries, isSign) {
				return true, nil
			}
			filter.Cursor = page.Next
		}
	}
	return false, nil
}
