package dev_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Payload keys are rotated as deploy/ENCRYPTION.md says, while a case and an activation stay open and everything is used between each two steps.
func TestTheProductionBinaryRotatesPayloadKeysUnderOpenWorkflows(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.asked = "asked"
	r.open(r.asked)
	r.activate()
	older := r.ring().SealingKeyID()
	require.Equal(t, older, r.keyOf(r.traffic()))
	for _, step := range []string{"stage", "promote"} {
		r.succeeds("keys", step, payloadKeys)
		r.traffic()
		for _, part := range rotatedParts {
			r.restart(part)
			r.traffic()
		}
	}
	newer := r.ring().SealingKeyID()
	require.NotEqual(t, older, newer)
	require.Equal(t, newer, r.keyOf(r.traffic()))
	require.Empty(t, stories.MustRetry(t, r.failures), "at no moment does a process meet a key that it lacks")

	// Workflows that hold payloads by the old key keep it. An activation gives it up when it continues as new, a case when it ends.
	asked, activation := r.apps.Case(r.asked).WorkflowID(), r.apps.Activation(sim.Agent, r.activated).WorkflowID()
	r.retireIsRefused("2 open workflows", asked, activation)
	testenv.Eventually(t, func(context.Context) (string, error) { return r.running["ingress"].log.String(), nil },
		func(log string) bool { return strings.Contains(log, "options sent to running activations") })
	stories.Signal(t, r.temporal, activation, workflows.SignalForceContinueAsNew, nil)
	r.retireIsRefused("1 open workflows", asked)
	r.end(r.asked)
	r.retireIsRefused("closed workflows need it")
	testenv.Eventually(t, func(context.Context) (int, error) {
		status, said := r.run("keys", "retire", payloadKeys, "--yes", "--forget-closed")
		if status != 0 {
			return 0, fmt.Errorf("status %d: %s", status, said)
		}
		return r.ring().OlderSealingKeys(), nil
	}, func(older int) bool { return older == 0 })
	r.asked = "asked-again"
	r.open(r.asked)
	for _, part := range rotatedParts {
		r.restart(part)
		r.traffic()
	}
	require.Empty(t, stories.MustRetry(t, r.failures))

	// The control: without the restarts after the first step, the worker meets a key that it lacks, and goes on once it has it.
	r.succeeds("keys", "stage", payloadKeys)
	r.succeeds("keys", "promote", payloadKeys)
	r.restart("app")
	r.start("early")
	failures := testenv.Eventually(t, r.failures, func(all []string) bool { return len(all) > 0 })
	require.Contains(t, failures[0], "--payload-keys")
	r.restart("worker")
	r.in("early", workflows.CaseRunning)
}

func (r *rotation) start(reference string) {
	r.t.Helper()
	stories.StartCase(r.t, r.apps, workflows.CaseStart{Reference: reference, Request: &workflows.CaseRequest{
		Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty: workflows.Counterparty{Address: "manual@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
	}})
}

func (r *rotation) in(reference string, status workflows.CaseStatus) workflows.CaseState {
	r.t.Helper()
	return testenv.Eventually(r.t, stories.Attended(r.providers.Offload, r.apps.Case(reference)), func(s workflows.CaseState) bool { return s.Status == status })
}

func (r *rotation) caseID(reference string) string {
	r.t.Helper()
	made := r.providers.Offload.CasesOf(reference)
	require.Len(r.t, made, 1, "a case is created once")
	return made[0].CaseID
}

// open starts a case and returns when it runs.
func (r *rotation) open(reference string) {
	r.t.Helper()
	r.start(reference)
	r.in(reference, workflows.CaseRunning)
	require.NoError(r.t, r.providers.Offload.SendFirstMessage(r.caseID(reference)))
}

func (r *rotation) end(reference string) {
	r.t.Helper()
	require.NoError(r.t, r.providers.Offload.Complete(r.caseID(reference), nil))
	outcome := stories.MustRetry(r.t, r.apps.Case(reference).Wait)
	require.Equal(r.t, workflows.CaseCompleted, outcome.Status)
	require.Equal(r.t, workflows.NewsByWebhook, outcome.Source)
}

func (r *rotation) activate() {
	r.t.Helper()
	var err error
	r.activated, err = r.providers.Artmail.Activate(sim.Agent)
	require.NoError(r.t, err)
	r.standsAs(workflows.ActivationActive)
}

func (r *rotation) standsAs(status workflows.ActivationStatus) {
	r.t.Helper()
	testenv.Eventually(r.t, r.apps.Activation(sim.Agent, r.activated).State, func(s workflows.ActivationState) bool { return s.Status == status })
}

// traffic uses everything once: a case from its start to its end, a question of the open case and its answer, a pause of the activation. It
// returns the reference of the case that has ended.
func (r *rotation) traffic() (reference string) {
	r.t.Helper()
	offload, artmail := r.providers.Offload, r.providers.Artmail
	question, err := offload.AskInput(r.caseID(r.asked), "Is a PDF fine?")
	require.NoError(r.t, err)
	require.NoError(r.t, artmail.Pause(r.activated, artmailsim.PauseUser))
	r.briefs++
	reference = fmt.Sprintf("brief-%d", r.briefs)
	r.open(reference)
	r.end(reference)
	one := r.apps.Case(r.asked)
	testenv.Eventually(r.t, one.State, func(s workflows.CaseState) bool { return s.Question != nil && s.Question.ID == question })
	require.NoError(r.t, stories.Answer(r.t.Context(), one, workflows.ProvideInput{QuestionID: question, Text: "Yes.", By: "ada"}))
	testenv.Eventually(r.t, one.State, func(s workflows.CaseState) bool {
		last := s.Answers[len(s.Answers)-1]
		accepted := last.Result == workflows.InputAccepted || last.Result == workflows.InputAlreadyResolved // as for a repeated call
		return last.QuestionID == question && accepted
	})
	require.NoError(r.t, offload.Resume(r.caseID(r.asked)))
	r.standsAs(workflows.ActivationPaused)
	require.NoError(r.t, artmail.Resume(r.activated))
	r.standsAs(workflows.ActivationActive)
	return reference
}

// keyOf is the key that encrypts the input of a case.
func (r *rotation) keyOf(reference string) uint32 {
	r.t.Helper()
	first := stories.MustRetry(r.t, func(ctx context.Context) (*historypb.HistoryEvent, error) {
		return r.temporal.GetWorkflowHistory(ctx, workflows.OffloadCaseWorkflowID(reference), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	})
	id, encrypted := payloadcodec.KeyID(first.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0])
	require.True(r.t, encrypted)
	return id
}

// failures are the causes of failed workflow tasks of all workflows, and of attempts at activities that lacked a key.
func (r *rotation) failures(ctx context.Context) (all []string, err error) {
	var read client.Options
	payloadcodec.New(r.ring()).Apply(&read)
	listed, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	if err != nil {
		return nil, err
	}
	for _, one := range listed.GetExecutions() {
		id := one.GetExecution().GetWorkflowId()
		events := r.temporal.GetWorkflowHistory(ctx, id, one.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return nil, err
			}
			task := event.GetWorkflowTaskFailedEventAttributes()
			// A signal that comes while a workflow ends is no fault: Temporal gives another task.
			if task != nil && task.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND {
				all = append(all, fmt.Sprintf("%s: %v", id, read.FailureConverter.FailureToError(task.GetFailure())))
			}
			attempt := event.GetActivityTaskStartedEventAttributes().GetLastFailure()
			if err := read.FailureConverter.FailureToError(attempt); err != nil && strings.Contains(err.Error(), payloadcodec.ErrKeyMissing.Error()) {
				all = append(all, fmt.Sprintf("%s: %v", id, err))
			}
		}
	}
	return all, nil
}

// retireIsRefused waits until `keys retire` refuses because of so many workflows and names these. Temporal lists a workflow some time after it
// has changed.
func (r *rotation) retireIsRefused(because string, named ...string) {
	r.t.Helper()
	testenv.Eventually(r.t, func(context.Context) (string, error) {
		status, said := r.run("keys", "retire", payloadKeys, "--yes")
		if status != 4 {
			return "", fmt.Errorf("status %d: %s", status, said)
		}
		return said, nil
	}, func(said string) bool {
		open := strings.Contains(said, "open workflows")
		return strings.Contains(said, because) && open == (len(named) > 0) &&
			!slices.ContainsFunc(named, func(id string) bool { return !strings.Contains(said, id) })
	})
}
