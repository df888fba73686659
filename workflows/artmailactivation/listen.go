package artmailactivation

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// listen opens the channels and registers the handlers.
func (a *activation) listen(ctx workflow.Context) error {
	a.events = workflow.GetSignalChannel(ctx, workflows.SignalArtmailEvents)
	a.touches = workflow.GetSignalChannel(ctx, workflows.SignalTouchRuns)
	a.options = workflow.GetSignalChannel(ctx, workflows.SignalActivationOptions)
	a.force = workflow.GetSignalChannel(ctx, workflows.SignalForceContinueAsNew)

	return errors.Join(
		workflow.SetQueryHandlerWithOptions(ctx, workflows.QueryState,
			func() (workflows.ActivationState, error) {
				view := a.state.View()
				view.Options = a.state.Start.Options
				return view, nil
			},
			workflow.QueryHandlerOptions{Description: "where the activation stands"}),
		a.listenForUpdates(ctx),
	)
}

// listenForUpdates registers a validator with each handler: what it refuses leaves no trace in the history. The handler asks again,
// since a signal may have come before the update in the same task.
func (a *activation) listenForUpdates(ctx workflow.Context) error {
	return errors.Join(
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateRequestApprovals,
			func(ctx workflow.Context, requests []workflows.ApprovalRequest) ([]workflows.Approval, error) {
				a.updated(ctx)
				approvals, err := a.state.Request(requests, workflow.Now(ctx))
				return approvals, refusal(err)
			},
			workflow.UpdateHandlerOptions{
				Description: "register messages that the agent sent to Artmail",
				Validator:   func(requests []workflows.ApprovalRequest) error { return refusal(a.state.CheckRequests(requests)) },
			}),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateCancelApproval,
			func(ctx workflow.Context, cancel workflows.CancelApproval) (workflows.Approval, error) {
				a.updated(ctx)
				approval, err := a.state.Cancel(cancel, workflow.Now(ctx))
				return approval, refusal(err)
			},
			workflow.UpdateHandlerOptions{
				Description: "close an approval that is not needed any more",
				Validator:   func(cancel workflows.CancelApproval) error { return refusal(a.state.CheckCancel(cancel)) },
			}),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateOpenRun,
			func(ctx workflow.Context, open workflows.OpenRun) (workflows.Run, error) {
				a.updated(ctx)
				run, err := a.state.Open(open, workflow.Now(ctx))
				return run, refusal(err)
			},
			workflow.UpdateHandlerOptions{
				Description: "a run has begun",
				Validator:   func(open workflows.OpenRun) error { return refusal(a.state.CheckOpen(open)) },
			}),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateCloseRun,
			func(ctx workflow.Context, closeRun workflows.CloseRun) (workflows.Run, error) {
				a.updated(ctx)
				run, err := a.state.Close(closeRun, workflow.Now(ctx))
				return run, refusal(err)
			},
			workflow.UpdateHandlerOptions{
				Description: "a run has ended by itself",
				Validator:   func(closeRun workflows.CloseRun) error { return refusal(a.state.CheckClose(closeRun)) },
			}),
		workflow.SetUpdateHandlerWithOptions(ctx, workflows.UpdateResealAPIKey,
			func(ctx workflow.Context, reseal workflows.ResealAPIKey) (workflows.APIKeyReceipt, error) {
				a.updated(ctx)
				receipt, err := a.state.Reseal(reseal)
				return receipt, refusal(err)
			},
			workflow.UpdateHandlerOptions{
				Description: "the same API key, sealed by a newer key of the keyring",
				Validator:   func(reseal workflows.ResealAPIKey) error { return refusal(a.state.CheckReseal(reseal)) },
			}),
	)
}

// updated folds in the signals that came before the update, so that an update is not answered from a state that is older than itself.
func (a *activation) updated(ctx workflow.Context) {
	a.receive(ctx)
	a.handled++
	a.changed = true
}

// refusal is the one translation of the rules' refusals into errors on the wire.
func refusal(err error) error {
	var r *lifecycle.Refusal
	if errors.As(err, &r) {
		return temporal.NewNonRetryableApplicationError(r.Message, r.Type, nil)
	}
	return err
}

func (a *activation) signalled() bool {
	return a.events.Len() > 0 || a.touches.Len() > 0 || a.options.Len() > 0 || a.force.Len() > 0
}

// receive takes all signals that are there. The events of several signals are folded in together: what is at hand together is ordered
// by the provider's times.
func (a *activation) receive(ctx workflow.Context) {
	now := workflow.Now(ctx)
	var events []workflows.ActivationEvent
	for {
		var more []workflows.ActivationEvent
		if !a.events.ReceiveAsync(&more) {
			break
		}
		events = append(events, more...)
	}
	if len(events) > 0 {
		a.handled += len(events)
		a.note(ctx, a.state.Apply(events, now))
	}
	for {
		var touch workflows.TouchRuns
		if !a.touches.ReceiveAsync(&touch) {
			break
		}
		a.handled++
		a.state.Touch(touch, now)
	}
	for {
		var options workflows.ActivationOptions
		if !a.options.ReceiveAsync(&options) {
			break
		}
		a.handled++
		a.state.Configure(options)
		a.configured = true
	}
	for a.force.ReceiveAsync(nil) {
		a.forced = true
	}
	if a.cancelled() {
		a.state.Stop(now)
	}
}
