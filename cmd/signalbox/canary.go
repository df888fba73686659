package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

const (
	// canaryTimeout is the default of --canary-timeout, which bounds all steps together.
	canaryTimeout = 30 * time.Second
	// canaryLife bounds the life of a canary whose doctor was killed.
	canaryLife = 10 * time.Minute
)

// The steps of a canary's event, in order.
const (
	stepStart  = "canary start"
	stepAccept = "canary accept"
	stepSignal = "canary signal"
	stepTask   = "canary task"
	stepApply  = "canary apply"
)

// canarySteps are the steps, each with its result and with what to check if it fails.
var canarySteps = []struct{ name, done, stuck string }{
	{stepStart, "Temporal has started the canary", "Temporal does not start workflows: see its health and the namespace's limits"},
	{stepAccept, "the ingress has stored the event and answered 204", "the ingress does not store: see /readyz of the ingress, the load balancer and --canary-url"},
	{stepSignal, "the relay has signalled Temporal", "the relay does not send: see `signalbox inbox list --state pending` and the check \"relay\" in /readyz of the ingress"},
	{stepTask, "a worker has the workflow's task", "no worker takes tasks: see whether workers run and, with worker versioning, `signalbox doctor worker`"},
	{stepApply, "the workflow has applied the event and ended", "a worker takes the event and does not apply it: see its log and temporal_workflow_task_execution_failed_total"},
}

// canary sends an event through ingress, inbox, relay, Temporal and worker.
type canary struct {
	temporal client.Client
	keys     *keyring.Ring
	// base is the URL of the ingress.
	base string
	now  func() time.Time
}

// examineCanary runs a canary and returns a finding for each step.
func (p process) examineCanary(ctx context.Context, temporal client.Client, settings config.Config, base string, timeout time.Duration) []finding {
	base = strings.TrimRight(cmp.Or(base, settings.PublicURL), "/")
	keys, err := readKeyring(settings.Keyring)
	if err == nil && base == "" {
		err = fmt.Errorf("%w: set the URL of the ingress: --canary-url or --public-url", errUsage)
	}
	if err != nil {
		return []finding{{Check: stepStart, Detail: err.Error()}}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := canary{temporal: temporal, keys: keys, base: base, now: p.now}
	began := p.now()
	reached, err := c.run(ctx)
	var findings []finding
	for _, step := range canarySteps {
		at, ok := reached[step.name]
		if !ok {
			if err == nil {
				err = errors.New("it did not happen in time")
			}
			return append(findings, finding{Check: step.name, Detail: fmt.Sprintf("not within %s: %s (%v)", p.now().Sub(began).Round(time.Millisecond), step.stuck, err)})
		}
		// Temporal may have the signal before the answer of the ingress arrives.
		took := max(0, at.Sub(began))
		began = began.Add(took)
		findings = append(findings, finding{Check: step.name, OK: true, Detail: fmt.Sprintf("%s: %s", took.Round(100*time.Microsecond), step.done), Seconds: took.Seconds()})
	}
	return findings
}

// run returns when each step was reached, and the error that stopped the rest.
func (c canary) run(ctx context.Context) (reached map[string]time.Time, err error) {
	id := uuid.NewString()
	reference := workflows.CanaryReference(id)
	reached = map[string]time.Time{}
	run, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(reference), TaskQueue: workflows.TaskQueueWorkflows,
		WorkflowExecutionTimeout: canaryLife,
		StaticSummary:            "Canary of signalbox doctor",
	}, workflows.OffloadCaseWorkflow, workflows.CaseStart{Reference: reference, Account: workflows.CanaryAccount, CaseID: id})
	if err != nil {
		return reached, fmt.Errorf("start the canary: %w", err)
	}
	reached[stepStart] = c.now()
	ended := make(chan error, 1)
	history := map[string]time.Time{}
	go func() { ended <- c.follow(ctx, run, history) }()
	err = c.post(ctx, reference, id)
	if err == nil {
		reached[stepAccept] = c.now()
		err = <-ended
		maps.Copy(reached, history)
	}
	if _, done := reached[stepApply]; !done {
		err = errors.Join(err, c.end(ctx, run))
	}
	return reached, err
}

// follow reads the canary's history as it grows, until the canary has ended or ctx ends.
func (c canary) follow(ctx context.Context, run client.WorkflowRun, reached map[string]time.Time) error {
	events := c.temporal.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return fmt.Errorf("follow the canary: %w", err)
		}
		_, signalled := reached[stepSignal]
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			reached[stepSignal] = c.now()
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			if signalled {
				reached[stepTask] = c.now()
			}
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
			reached[stepApply] = c.now()
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
			return fmt.Errorf("the canary has ended with %s", event.GetEventType())
		default:
		}
	}
	return nil
}

// end terminates a canary that its event did not end.
func (c canary) end(ctx context.Context, run client.WorkflowRun) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	if err := c.temporal.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "the canary's event was not applied in time"); err != nil {
		return fmt.Errorf("end the canary %s, which ends by itself after %s: %w", run.GetID(), canaryLife, err)
	}
	return nil
}

// post sends the event that ends the canary's case, as Offload would.
func (c canary) post(ctx context.Context, reference, caseID string) (err error) {
	body, err := json.Marshal(map[string]any{
		"event_id": "canary_" + caseID, "event_type": workflows.KindCaseCompleted, "timestamp": c.now().UnixMilli(),
		"data": map[string]any{"caseId": caseID, "clientReferenceId": reference, "status": workflows.OffloadCompleted, "resultStatus": "canary", "attachments": []string{}},
	})
	if err != nil {
		return fmt.Errorf("encode the canary's event: %w", err)
	}
	path := workflows.OffloadWebhookPath(reference, c.keys.Token(workflows.OffloadTokenContext(reference)...))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: --canary-url is not a URL", errUsage) // the cause would contain the token
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := postOnce(request)
	if err != nil {
		return fmt.Errorf("post the canary's event: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // the body has been read
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<10)); err != nil {
		return fmt.Errorf("post the canary's event: %w", err)
	}
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("post the canary's event: the ingress answered %s", response.Status)
	}
	return nil
}
