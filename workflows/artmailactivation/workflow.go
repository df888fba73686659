package artmailactivation

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// Workflow is registered under workflows.ArtmailActivationWorkflow. It returns when the activation has ended and everyone who waited
// was told: the last state, without the API key.
func Workflow(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
	return start(ctx, in, 0)
}

// ContinuingAfter is a Workflow that continues as new after every n things that happen to it, webhook events, touches and updates
// alike. Tests find with it what is forgotten in the carried state.
func ContinuingAfter(n int) func(workflow.Context, Input) (workflows.ActivationState, error) {
	return func(ctx workflow.Context, in Input) (workflows.ActivationState, error) {
		return start(ctx, in, n)
	}
}

// activation is one run. Only state goes on to the next.
type activation struct {
	state *lifecycle.State

	// root ends when a person cancels the workflow; what is left to do then goes on without it.
	root workflow.Context

	events  workflow.ReceiveChannel
	touches workflow.ReceiveChannel
	options workflow.ReceiveChannel
	force   workflow.ReceiveChannel

	sending  []sending
	checking []checking
	timer    timer
	shown    shown

	// changed: an update handler has changed the state since the loop last looked.
	changed bool
	// configured: options were told, and the memo is to say so.
	configured bool
	// forced: an operator asked to continue as new.
	forced bool
	// handled counts what happened in this run; continueAfter, where not 0, is how much of it ends the run.
	handled       int
	continueAfter int
}

func start(ctx workflow.Context, in Input, continueAfter int) (workflows.ActivationState, error) {
	// Handlers and channels come before anything that could yield: what came before them would be missed.
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	a := &activation{root: ctx, continueAfter: continueAfter}
	if err := a.restore(ctx, in); err != nil {
		return workflows.ActivationState{}, err
	}
	if err := a.listen(free); err != nil {
		return workflows.ActivationState{}, err
	}
	return a.run(free)
}

func (a *activation) restore(ctx workflow.Context, in Input) error {
	err := workflows.ValidateAgent(in.Agent)
	if err == nil {
		err = workflows.ValidateActivationID(in.ActivationID)
	}
	if err != nil {
		// No retry could mend the input.
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, err)
	}
	if in.Carried == nil {
		a.state = lifecycle.New(in.ActivationStart, workflow.Now(ctx))
	} else {
		a.state = in.Carried.State.Restore(in.ActivationStart)
	}
	a.shown = alreadyShown(ctx)
	return nil
}

// run is the life of the activation. Nothing between receive and the two ways out may yield, or a signal that came meanwhile would be
// lost with the run.
func (a *activation) run(ctx workflow.Context) (workflows.ActivationState, error) {
	for {
		a.changed = false
		a.receive(ctx)
		a.collectReplies(ctx)
		a.collectChecks(ctx)
		a.note(ctx, a.state.Tick(workflow.Now(ctx)))

		leaving := a.leaving(ctx)
		if !leaving {
			a.sendReplies(ctx)
			a.startChecks(ctx)
			a.setTimer(ctx)
		}
		if err := a.show(ctx); err != nil {
			return workflows.ActivationState{}, err
		}

		// A signal to another workflow that is not settled would be lost with the run.
		settled := len(a.sending) == 0 && workflow.AllHandlersFinished(ctx)
		switch {
		case settled && a.done():
			return a.result()
		case settled && leaving:
			return workflows.ActivationState{}, a.continueAsNew(ctx)
		}
		if err := workflow.Await(ctx, a.woken); err != nil {
			return workflows.ActivationState{}, fmt.Errorf("wait for what comes next: %w", err)
		}
	}
}

// woken says whether there is anything to do.
func (a *activation) woken() bool {
	return a.changed || a.signalled() || a.timer.fired() || a.anySent() || a.anyChecked() || a.cancelled()
}

func (a *activation) cancelled() bool { return a.root.Err() != nil && a.state.Ended == nil }

// leaving says that this run begins nothing more, so that it can be followed by the next.
func (a *activation) leaving(ctx workflow.Context) bool {
	return !a.done() && (a.forced || workflow.GetInfo(ctx).GetContinueAsNewSuggested() ||
		a.continueAfter > 0 && a.handled >= a.continueAfter)
}

func (a *activation) done() bool { return a.state.Ended != nil && len(a.state.Replies) == 0 }

func (a *activation) result() (workflows.ActivationState, error) {
	if a.state.Ended.Stopped {
		return workflows.ActivationState{}, temporal.NewCanceledError("cancelled; at Artmail the activation may live on")
	}
	return a.state.View(), nil
}

// continueAsNew is the only place that does it. The server drops with the run what it has under way, and the next run begins it again
// from the state: checks, since asking twice changes nothing; the timer, since its moment follows from the state.
func (a *activation) continueAsNew(ctx workflow.Context) error {
	return workflow.NewContinueAsNewError(ctx, workflows.ArtmailActivationWorkflow, Input{
		ActivationStart: a.state.Start,
		Carried:         &Carried{Version: versionNow, State: *a.state},
	})
}

// note logs what became of things. No key, no body and no person's words are in a note.
func (a *activation) note(ctx workflow.Context, notes []lifecycle.Note) {
	logger := workflow.GetLogger(ctx)
	for _, n := range notes {
		fields := []any{"verdict", string(n.Verdict), "kind", n.Kind, "id", n.ID, "why", n.Why}
		switch n.Verdict {
		case lifecycle.Applied, lifecycle.Duplicate:
			logger.Debug("activation", fields...)
		case lifecycle.Late:
			logger.Info("activation", fields...)
		case lifecycle.Ignored, lifecycle.GivenUp:
			logger.Warn("activation", fields...)
		}
	}
}
