package exampleagent

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The workflow and the task queue that the agent's handOver names.
const (
	WorkflowType = "page-agent"
	TaskQueue    = "page-agent"
)

// Names of the agent's own activities. Those of package signalbox are registered beside them.
const (
	activityStartRun  = "page-agent.start-run"  // signalbox.ActivationRef → the run's ID
	activityWritePage = "page-agent.write-page" // PageCall → the page's text
	activityAsk       = "page-agent.ask"        // PageCall → the message's ID
	activityKeepRun   = "page-agent.keep-run"   // PageCall → nothing
	activityPublish   = "page-agent.publish"    // PageCall → nothing
	activityFinishRun = "page-agent.finish-run" // PageCall → nothing
)

// ErrTypeAPIKeyLost is the type of the error for an activation whose key never came.
const ErrTypeAPIKeyLost = "APIKeyLost"

// Artmail is what the agent calls there with the API key of an activation. Artmail documents that API to the authors of agents only.
type Artmail interface {
	// StartRun begins a run and returns its ID.
	StartRun(ctx context.Context, key string) (runID string, err error)
	// KeepRun says that the run is active.
	KeepRun(ctx context.Context, key, runID string) error
	// Ask sends an APPROVAL_REQUEST and returns the message's ID.
	Ask(ctx context.Context, key, runID, text string) (messageID string, err error)
	// FinishRun ends a run well. One that has ended already is no error, since an activity may run twice.
	FinishRun(ctx context.Context, key, runID string) error
}

// Agent holds what the activities need. All fields must be set.
type Agent struct {
	Signalbox *signalbox.Client
	// Keys says where and as whom API keys are fetched.
	Keys    signalbox.FetchAPIKeyOptions
	Artmail Artmail
	// Publish puts a page onto the brand's website. It may be called twice for one page.
	Publish func(ctx context.Context, of signalbox.ActivationRef, text string) error
}

// PageCall is the argument of the activities that work on a page. It has no API key: arguments enter the history.
type PageCall struct {
	signalbox.ActivationRef
	RunID string `json:"runId"`
	Text  string `json:"text,omitempty"`
}

// Registry is a worker, or the SDK's test environment.
type Registry interface {
	worker.WorkflowRegistry
	worker.ActivityRegistry
}

// Register registers the workflow and all activities that it calls.
func (a *Agent) Register(registry Registry) {
	registry.RegisterWorkflowWithOptions(serveActivation, workflow.RegisterOptions{Name: WorkflowType})
	signalbox.NewActivities(a.Signalbox).Register(registry)
	for name, call := range map[string]any{
		activityStartRun:  a.startRun,
		activityWritePage: a.writePage,
		activityAsk:       a.ask,
		activityKeepRun:   a.keepRun,
		activityPublish:   a.publish,
		activityFinishRun: a.finishRun,
	} {
		registry.RegisterActivityWithOptions(call, activity.RegisterOptions{Name: name})
	}
}

func (a *Agent) startRun(ctx context.Context, of signalbox.ActivationRef) (runID string, err error) {
	key, err := a.key(ctx, of)
	if err != nil {
		return "", err
	}
	return a.Artmail.StartRun(ctx, key)
}

// writePage is the agent's proper work. One that takes minutes says again and again that its run is active.
func (a *Agent) writePage(ctx context.Context, in PageCall) (text string, err error) {
	if err := a.keepRun(ctx, in); err != nil {
		return "", err
	}
	return "Welcome to our shop.", nil
}

func (a *Agent) ask(ctx context.Context, in PageCall) (messageID string, err error) {
	key, err := a.key(ctx, in.ActivationRef)
	if err != nil {
		return "", err
	}
	return a.Artmail.Ask(ctx, key, in.RunID, "May I publish this page? "+in.Text)
}

// keepRun tells Artmail that the run is active, and then Signalbox, which warns of runs that are not.
func (a *Agent) keepRun(ctx context.Context, in PageCall) error {
	key, err := a.key(ctx, in.ActivationRef)
	if err != nil {
		return err
	}
	if err := a.Artmail.KeepRun(ctx, key, in.RunID); err != nil {
		return err
	}
	return a.Signalbox.Activation(in.Agent, in.ActivationID).TouchRuns(ctx, workflows.TouchRuns{RunIDs: []string{in.RunID}})
}

func (a *Agent) publish(ctx context.Context, in PageCall) error {
	return a.Publish(ctx, in.ActivationRef, in.Text)
}

func (a *Agent) finishRun(ctx context.Context, in PageCall) error {
	key, err := a.key(ctx, in.ActivationRef)
	if err != nil {
		return err
	}
	return a.Artmail.FinishRun(ctx, key, in.RunID)
}

// key fetches the API key of an activation. Signalbox records each call; an agent that calls often keeps the key in memory, and fetches it again
// when Artmail answers 401.
func (a *Agent) key(ctx context.Context, of signalbox.ActivationRef) (string, error) {
	key, err := signalbox.FetchAPIKey(ctx, a.Keys, of.Agent, of.ActivationID)
	switch {
	case errors.Is(err, signalbox.ErrAPIKeyLost):
		return "", temporal.NewNonRetryableApplicationError(err.Error(), ErrTypeAPIKeyLost, err)
	case errors.Is(err, signalbox.ErrEnded):
		return "", temporal.NewNonRetryableApplicationError(err.Error(), signalbox.ErrTypeEnded, err)
	}
	// Anything else may pass: the key is on its way, Signalbox is away, or the token is about to be added.
	return key, err
}
