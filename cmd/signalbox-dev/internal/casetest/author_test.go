package casetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	agent       = "pages"
	agentSecret = "the agent's secret"
	authorQueue = "pages-author"
	handOver    = "hand-over"
)

// author is what the author of an agent writes: the activity "check-approval".
type author struct {
	apps    *signalbox.Client
	artmail string
	http    http.Client
}

// startAuthor runs the worker of the author. It stops in the same activities as Signalbox's worker.
func startAuthor(options client.Options, keys *keyring.Ring, artmail string) (stop func(), err error) {
	payloadtest.Apply(&options)
	temporal, err := client.Dial(options)
	if err != nil {
		return nil, fmt.Errorf("author: %w", err)
	}
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: keys})
	if err != nil {
		return nil, fmt.Errorf("author: %w", err)
	}
	a := &author{apps: apps, artmail: artmail, http: http.Client{Timeout: 10 * time.Second}}
	w := sdkworker.New(temporal, authorQueue, sdkworker.Options{})
	w.RegisterActivityWithOptions(a.checkApproval, activity.RegisterOptions{Name: workflows.ActivityArtmailCheckApproval})
	return w.Stop, w.Start()
}

func (a *author) checkApproval(ctx context.Context, params workflows.CheckApprovalParams) (workflows.CheckApprovalResult, error) {
	var none workflows.CheckApprovalResult
	key, err := a.apps.OpenAPIKey(params)
	if err != nil {
		return none, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.artmail+"/agent-api/messages/"+params.MessageID, nil)
	if err != nil {
		return none, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := a.http.Do(request)
	if err != nil {
		return none, err
	}
	defer func() { _ = response.Body.Close() }()
	var message struct {
		Response *struct {
			MessageID string `json:"messageId"`
			Approved  bool   `json:"approved"`
		} `json:"response"`
	}
	if err := json.NewDecoder(response.Body).Decode(&message); err != nil {
		return none, err
	}
	if message.Response == nil {
		return none, errors.New("not answered yet")
	}
	return workflows.CheckApprovalResult{Approved: &message.Response.Approved, MessageID: message.Response.MessageID}, nil
}

// receiveHandedOver is the author's workflow of an activation: it returns its first two notices.
func receiveHandedOver(ctx workflow.Context, _ workflows.HandOverStart) ([]workflows.Notice, error) {
	return receiveFrom(ctx, workflows.SignalAgentNotice, 2)
}
