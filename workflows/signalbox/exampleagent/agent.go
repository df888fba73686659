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

// The workflow type and the task queue in the agent's handOver.
const (
	WorkflowType = "page-agent"
	TaskQueue    = "page-agent"
)

// Names of the agent's own activities. Register also registers the activities of package signalbox.
const (
	activityStartRun  = "page-agent.start-run"  // signalbox.ActivationRef → the run's ID
	activityWritePage = "page-agent.write-page" // PageCall → the page's text
	activityAsk       = "page-agent.ask"        // PageCall → the message's ID
	activityKeepRun   = "page-agent.keep-run"   // PageCall → nothing
	activityPublish   = "page-agent.publish"    // PageCall → nothing
	activityFinishRun = "page-agent.finish-run" // PageCall → nothing
)

// ErrTypeAPIKeyLost is the error type for an activation that is active and has no API key.
const ErrTypeAPIKeyLost = "APIKeyLost"

// Artmail is the part of Artmail's API that the agent calls with the API key of an activation. Artmail documents that API to the authors
// of agents only.
type Artmail interface {
	// StartRun starts a run and returns its ID.
	StartRun(ctx context.Context, key string) (runID string, err error)
	// KeepRun reports that the run is active.
	KeepRun(ctx context.Context, key, runID string) error
	// Ask sends an APPROVAL_REQUEST and returns the message's ID.
	Ask(ctx context.Context, key, runID, text string) (messageID string, err error)
	// FinishRun ends a run successfully. It succeeds if the run has already ended, because an activity can run twice.
	FinishRun(ctx context.Context, key, runID string) error
}

// Agent holds what the activities need. All fields must be set.
type Agent struct {
	Signalbox *signalbox.Client
	// Keys hold the address and the token for fetching API keys.
	Keys    signalbox.FetchAPIKeyOptions
	Artmail Artmail
	// Publish publishes a page on the brand's website. It may be called twice for one page.
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

// writePage is the real work of the agent. If it takes minutes, it must call keepRun regularly.
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

// keepRun reports to Artmail and to Signalbox that the run is active. Signalbox warns of inactive runs.
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

// key fetches the API key of an activation. Signalbox records each call. An agent that calls often should keep the key in memory and
// fetch it again when Artmail answers 401.
func (a *Agent) key(ctx context.Context, of signalbox.ActivationRef) (string, error) {
	key, err := signalbox.FetchAPIKey(ctx, a.Keys, of.Agent, of.ActivationID)
	switch {
	case errors.Is(err, signalbox.ErrAPIKeyLost):
		return "", temporal.NewNonRetryableApplicationError(err.Error(), ErrTypeAPIKeyLost, err)
	case errors.Is(err, signalbox.ErrEnded):
		return "", temporal.NewNonRetryableApplicationError(err.Error(), signalbox.ErrTypeEnded, err)
	}
	// Other errors are retried: the key may still arrive, Signalbox may come back, or the token may be added later.
	return key, err
}
