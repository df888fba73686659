package dev_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

var record = flag.Bool("record", false, "record the histories that the workflows' replay tests replay; only from code that is to be released")

// TestWhatTheServerRecordsReplays plays each story against the real server and replays what the workflow's history became. With -record it
// writes the histories down for the workflows' own replay tests.
func TestWhatTheServerRecordsReplays(t *testing.T) {
	t.Parallel()
	for name, story := range caseStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := story(t, "record-"+name)
			_, err := one.Wait(t.Context())
			require.NoError(t, err)
			checkHistories(t, "offloadcase", name, one.WorkflowID())
		})
	}
	for name, story := range activationStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkHistories(t, "artmailactivation", name, story(t).WorkflowID())
		})
	}
}

func startScripted(t *testing.T, reference, script string, options workflows.CaseOptions) *signalbox.Case {
	t.Helper()
	one, err := shared.Apps.StartCase(t.Context(), workflows.CaseStart{
		Reference: reference,
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
		Options: options,
	})
	require.NoError(t, err)
	return one
}

// impatient options bring what takes a quarter of an hour into a test.
var impatient = workflows.CaseOptions{
	ReconcileAfter: workflows.Duration(200 * time.Millisecond),
	PollFloor:      workflows.Duration(100 * time.Millisecond),
	PollCeiling:    workflows.Duration(200 * time.Millisecond),
}

func inStatus(t *testing.T, one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return eventually(t, one.State, func(s workflows.CaseState) bool { return s.Status == want })
}

func answerOpenQuestion(t *testing.T, one *signalbox.Case) {
	t.Helper()
	state := inStatus(t, one, workflows.CaseInputNeeded)
	_, err := one.ProvideInput(t.Context(), workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes.", By: "ada"})
	require.NoError(t, err)
}

func continueAsNew(t *testing.T, workflowID string) {
	t.Helper()
	before, err := shared.Temporal.DescribeWorkflowExecution(t.Context(), workflowID, "")
	require.NoError(t, err)
	require.NoError(t, shared.Temporal.SignalWorkflow(t.Context(), workflowID, "", workflows.SignalForceContinueAsNew, nil))
	eventually(t, func(ctx context.Context) (string, error) {
		now, err := shared.Temporal.DescribeWorkflowExecution(ctx, workflowID, "")
		return now.GetWorkflowExecutionInfo().GetExecution().GetRunId(), err
	}, func(run string) bool { return run != before.GetWorkflowExecutionInfo().GetExecution().GetRunId() })
}

var caseStories = map[string]func(t *testing.T, reference string) *signalbox.Case{
	"completed-by-webhook": func(t *testing.T, reference string) *signalbox.Case {
		return startScripted(t, reference, "complete", workflows.CaseOptions{})
	},
	"failed": func(t *testing.T, reference string) *signalbox.Case {
		return startScripted(t, reference, "reject", workflows.CaseOptions{})
	},
	"completed-by-poll": func(t *testing.T, reference string) *signalbox.Case {
		return startScripted(t, reference, "lost", impatient)
	},
	"answered": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "question", workflows.CaseOptions{})
		answerOpenQuestion(t, one)
		return one
	},
	"answered-by-poll": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "lost-question", impatient)
		answerOpenQuestion(t, one)
		return one
	},
	"cancelled": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "silent", workflows.CaseOptions{})
		inStatus(t, one, workflows.CaseRunning)
		_, err := one.Cancel(t.Context(), workflows.CancelCase{Reason: "not needed", By: "ada"})
		require.NoError(t, err)
		return one
	},
	"cancelled-in-temporal": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "silent", workflows.CaseOptions{})
		inStatus(t, one, workflows.CaseRunning)
		require.NoError(t, shared.Temporal.CancelWorkflow(t.Context(), one.WorkflowID(), ""))
		return one
	},
	"expired": func(t *testing.T, reference string) *signalbox.Case {
		return startScripted(t, reference, "silent", workflows.CaseOptions{Deadline: time.Now().Add(time.Second)})
	},
	"continued-as-new-while-asked": func(t *testing.T, reference string) *signalbox.Case {
		one := startScripted(t, reference, "question", impatient)
		inStatus(t, one, workflows.CaseInputNeeded)
		continueAsNew(t, one.WorkflowID())
		answerOpenQuestion(t, one)
		return one
	},
	"create-uncertain-then-adopted": func(t *testing.T, reference string) *signalbox.Case {
		caseID := ""
		// Other stories create cases at the same time, so this one has a provider of its own.
		one, err := shared.Apps.StartCase(t.Context(), workflows.CaseStart{
			Reference: reference,
			Account:   "uncertain",
			Request: &workflows.CaseRequest{
				Channel:       "EMAIL",
				Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
				Counterparty:  workflows.Counterparty{Address: "manual@vendor.example", Name: "Ada"},
				SenderPersona: workflows.SenderPersona{Name: "Grace"},
			},
		})
		require.NoError(t, err)
		inStatus(t, one, workflows.CaseCreateUncertain)
		for _, found := range shared.uncertain.CasesOf(reference) {
			caseID = found.CaseID
		}
		_, err = one.Adopt(t.Context(), workflows.AdoptCase{CaseID: caseID, By: "ada"})
		require.NoError(t, err)
		require.NoError(t, shared.uncertain.Fail(caseID, offloadsim.ResultBounced, ""))
		return one
	},
}

var activationStories = map[string]func(t *testing.T) *signalbox.Activation{
	"paused-resumed-deactivated": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		require.NoError(t, shared.Simulators.Artmail.Pause(id, "user_paused"))
		inActivationStatus(t, one, workflows.ActivationPaused)
		require.NoError(t, shared.Simulators.Artmail.Resume(id))
		inActivationStatus(t, one, workflows.ActivationActive)
		require.NoError(t, shared.Simulators.Artmail.Deactivate(id, "user_deactivated"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
	"approvals-and-runs": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		artmail := shared.Simulators.Artmail
		run, err := artmail.OpenRun(id)
		require.NoError(t, err)
		_, err = one.OpenRun(t.Context(), workflows.OpenRun{RunID: run})
		require.NoError(t, err)
		var messages []string
		for _, runID := range []string{"", run, ""} {
			message, err := artmail.RequestApproval(id, "May I?", runID)
			require.NoError(t, err)
			messages = append(messages, message)
		}
		_, err = one.RequestApprovals(t.Context(),
			workflows.ApprovalRequest{MessageID: messages[0]},
			workflows.ApprovalRequest{MessageID: messages[1], RunID: run},
			workflows.ApprovalRequest{MessageID: messages[2], Deadline: time.Now().Add(time.Second)})
		require.NoError(t, err)
		require.NoError(t, one.TouchRuns(t.Context(), workflows.TouchRuns{RunIDs: []string{run}}))
		continueAsNew(t, one.WorkflowID())
		_, err = artmail.RespondApproval(messages[0], true, "Fine.", "")
		require.NoError(t, err)
		require.NoError(t, artmail.ForceFailRun(run))
		eventually(t, one.State, func(s workflows.ActivationState) bool {
			return approval(s, messages[0]).Status == workflows.ApprovalApproved &&
				approval(s, messages[1]).Status == workflows.ApprovalVoided &&
				approval(s, messages[2]).Status == workflows.ApprovalExpired
		})
		require.NoError(t, artmail.Deactivate(id, "admin_revoke"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
	"told-options-and-resealed": func(t *testing.T) *signalbox.Activation {
		id, one := activate(t)
		options := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour), CheckApprovalQueue: "nobody"}
		require.NoError(t, shared.Temporal.SignalWorkflow(t.Context(), one.WorkflowID(), "", workflows.SignalActivationOptions, options))
		state := eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Options == options.Normalized() })
		key, err := one.RevealAPIKey(t.Context())
		require.NoError(t, err)
		again, err := ring(t).Seal([]byte(key), workflows.APIKeyContext(dev.Agent, id)...)
		require.NoError(t, err)
		_, err = shared.Temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: one.WorkflowID(), UpdateName: workflows.UpdateResealAPIKey, WaitForStage: client.WorkflowUpdateStageCompleted,
			Args: []any{workflows.ResealAPIKey{SealedAPIKey: again, Replaces: state.SealedAPIKey}},
		})
		require.NoError(t, err)
		continueAsNew(t, one.WorkflowID())
		state, err = one.State(t.Context())
		require.NoError(t, err)
		require.Equal(t, again, state.SealedAPIKey)
		require.Equal(t, options.Normalized(), state.Options)
		require.NoError(t, shared.Simulators.Artmail.Deactivate(id, "user_deactivated"))
		inActivationStatus(t, one, workflows.ActivationDeactivated)
		return one
	},
}

func activate(t *testing.T) (string, *signalbox.Activation) {
	t.Helper()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(dev.Agent, id)
	inActivationStatus(t, one, workflows.ActivationActive)
	return id, one
}

func inActivationStatus(t *testing.T, one *signalbox.Activation, want workflows.ActivationStatus) {
	t.Helper()
	eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Status == want })
}

// writeHistories writes one file for each run of the workflow.
func checkHistories(t *testing.T, packageName, name, workflowID string) {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "..", "workflows", packageName, "testdata", "histories")
	replayer := sdkworker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(offloadcase.Workflow, workflow.RegisterOptions{Name: workflows.OffloadCaseWorkflow})
	replayer.RegisterWorkflowWithOptions(artmailactivation.Workflow, workflow.RegisterOptions{Name: workflows.ArtmailActivationWorkflow})
	runID := ""
	for {
		var history historypb.History
		events := shared.Temporal.GetWorkflowHistory(t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			history.Events = append(history.Events, event)
		}
		continued := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		file := name + ".json"
		if runID != "" { // reached from the run that followed
			file = name + "-first-run.json"
		}
		text, err := protojson.MarshalOptions{Multiline: true}.Marshal(&history)
		require.NoError(t, err)
		if *record {
			host, err := os.Hostname()
			require.NoError(t, err)
			// Only where it is an identity or a sticky queue: a payload may hold the same letters.
			text = bytes.ReplaceAll(text, []byte("@"+host+"@"), []byte("@host@"))
			text = bytes.ReplaceAll(text, []byte(`"`+host+":"), []byte(`"host:`))
			require.NoError(t, os.MkdirAll(folder, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), append(text, '\n'), 0o644))
		}
		// Last, since replaying writes into the history that it is given.
		require.NoError(t, replayer.ReplayWorkflowHistory(logging.ForTemporal(zap.NewNop()), &history), "run %s", runID)
		if runID = continued; runID == "" {
			return
		}
	}
}
