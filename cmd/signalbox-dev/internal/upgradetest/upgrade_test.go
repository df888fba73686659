package upgradetest_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// fullPlay plays with 200 cases and 50 activations.
const fullPlay = "SIGNALBOX_TEST_FULL_UPGRADE"

// play are the workflows that live through the builds.
type play struct {
	*stage
	cases       []*signalbox.Case
	activations []string
}

// Workflows that are open on one build go through a ramp, a promotion and a downgrade, while their webhooks go on and the inbox is migrated.
func TestOpenWorkflowsEndRightAcrossAnUpgradeAndADowngrade(t *testing.T) {
	cases, activations := 40, 10
	if os.Getenv(fullPlay) != "" {
		cases, activations = 200, 50
	}
	p := &play{stage: newStage(t)}

	promoted := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
		defer cancel()
		promoted <- p.deployment.SetCurrent(ctx, "build-1")
	}()
	stopFirst := p.build(t, "build-1", unchanged)
	require.NoError(t, <-promoted, "it waits for workers that start later")
	for range activations {
		id, err := p.simulators.Artmail.Activate(sim.Agent)
		require.NoError(t, err)
		p.activations = append(p.activations, id)
	}
	p.start(t, "first", cases)
	p.open(t, p.cases...)
	p.awaitActivations(t, "ACTIVE")

	// The ramp: half of all is asked and paused while two builds work.
	stopSecond := p.build(t, "build-2", behindPredicate)
	p.ramp(t, "build-2", 50)
	require.Equal(t, map[string]worker.VersionState{"build-1": worker.VersionCurrent, "build-2": worker.VersionRamping}, stories.MustRetry(t, p.states))
	p.migrateInbox(t)
	asked := p.cases[:cases/2]
	for _, one := range asked {
		_, err := p.simulators.Offload.AskInput(p.caseID(t, one), "Which address?")
		require.NoError(t, err)
	}
	for _, id := range p.activations {
		require.NoError(t, p.simulators.Artmail.Pause(id, artmailsim.PauseUser))
	}
	p.await(t, workflows.CaseInputNeeded, asked...)
	p.awaitActivations(t, "PAUSED")
	p.start(t, "ramp", cases/4)
	p.open(t, p.cases[cases:]...)

	p.makeCurrent(t, "build-2")
	for _, one := range asked {
		require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: stories.MustRetry(t, one.State).Question.ID, Text: "12 High Street", By: "pat"}))
	}
	testenv.Eventually(t, p.states, func(states map[string]worker.VersionState) bool { return states["build-1"] == worker.VersionDrained })
	stopFirst()
	p.start(t, "second", cases/4)
	p.open(t, p.cases[len(p.cases)-cases/4:]...)
	half := len(p.cases) / 2
	p.complete(t, p.cases[:half]...)

	// Down again, to a build that knows the predicates.
	stopKnowing := p.build(t, "build-1-knows", behindPredicate)
	p.makeCurrent(t, "build-1-knows")
	stopSecond()
	for _, id := range p.activations {
		require.NoError(t, p.simulators.Artmail.Resume(id))
	}
	p.awaitActivations(t, "ACTIVE")
	p.complete(t, p.cases[half:]...)
	for _, id := range p.activations {
		require.NoError(t, p.simulators.Artmail.Deactivate(id, artmailsim.DeactivateUser))
	}
	p.awaitActivations(t, "DEACTIVATED")
	p.noneLost(t)
	for _, one := range p.cases {
		eventually(t, "a workflow delivers the notices of "+one.Reference(), func() bool {
			_, err := p.temporal.DescribeWorkflowExecution(t.Context(), workflows.NotifyWorkflowID(one.WorkflowID()), "")
			return err == nil
		})
	}
	require.Empty(t, p.allFailedTasks(t))
	p.encrypted(t)
	stopKnowing()
}

// A build that meets carried state of a newer version leaves the task to wait, and the webhooks that come meanwhile wait with it.
func TestWorkflowsWithNewerStateWaitForABuildThatKnowsIt(t *testing.T) {
	p := &play{stage: newStage(t)}
	p.build(t, "newer", newerState)
	p.makeCurrent(t, "newer")
	p.start(t, "newer", 4)
	p.open(t, p.cases...)
	for _, one := range p.cases {
		stories.Signal(t, p.temporal, one.WorkflowID(), workflows.SignalForceContinueAsNew, nil)
	}
	eventually(t, "they continue as new", func() bool {
		return !slices.ContainsFunc(p.cases, func(one *signalbox.Case) bool {
			described, err := p.temporal.DescribeWorkflowExecution(t.Context(), one.WorkflowID(), "")
			return err != nil || described.GetWorkflowExecutionInfo().GetFirstRunId() == described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		})
	})

	p.build(t, "older", behindPredicate)
	p.makeCurrent(t, "older")
	for _, one := range p.cases {
		require.NoError(t, p.simulators.Offload.Complete(p.caseID(t, one), nil))
	}
	eventually(t, "the older build refuses each task", func() bool {
		return !slices.ContainsFunc(p.cases, func(one *signalbox.Case) bool {
			failed, err := p.failedTasks(t.Context(), one.WorkflowID())
			return err != nil || len(failed) == 0
		})
	})
	for _, cause := range p.allFailedTasks(t) {
		require.Contains(t, cause, "run a newer worker")
	}
	p.noneLost(t)

	p.makeCurrent(t, "newer")
	p.ended(t, p.cases...)
}

// The check of failed tasks sees a change that stands behind no predicate.
func TestAChangeWithoutAPredicateFailsTasks(t *testing.T) {
	p := &play{stage: newStage(t)}
	p.build(t, "good", unchanged)
	p.makeCurrent(t, "good")
	p.start(t, "bad", 1)
	p.open(t, p.cases...)
	p.build(t, "bad", noPredicate)
	p.makeCurrent(t, "bad")
	require.NoError(t, p.simulators.Offload.Complete(p.caseID(t, p.cases[0]), nil))
	testenv.Eventually(t, func(ctx context.Context) ([]string, error) { return p.failedTasks(ctx, p.workflowIDs()...) },
		func(failed []string) bool { return len(failed) > 0 })
	p.makeCurrent(t, "good")
	p.ended(t, p.cases...)
}

func (p *play) start(t *testing.T, name string, n int) {
	t.Helper()
	for i := range n {
		p.cases = append(p.cases, stories.StartCase(t, p.apps, workflows.CaseStart{
			Reference: fmt.Sprintf("%s_%d", name, i),
			ReplyTo:   &workflows.ReplyTo{WorkflowID: app, Signal: "news"},
			Request: &workflows.CaseRequest{
				Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
				Counterparty: workflows.Counterparty{Address: "manual@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
			},
		}))
	}
}

func (p *play) await(t *testing.T, status workflows.CaseStatus, cases ...*signalbox.Case) {
	t.Helper()
	for _, one := range cases {
		read := stories.Attended(p.simulators.Offload, one)
		eventually(t, one.Reference()+" is "+string(status), func() bool {
			state, err := read(t.Context())
			return err == nil && state.Status == status
		})
	}
}

// open waits until cases run and lets the provider send their first message.
func (p *play) open(t *testing.T, cases ...*signalbox.Case) {
	t.Helper()
	p.await(t, workflows.CaseRunning, cases...)
	for _, one := range cases {
		require.NoError(t, p.simulators.Offload.SendFirstMessage(p.caseID(t, one)))
	}
}

func (p *play) awaitActivations(t *testing.T, status workflows.ActivationStatus) {
	t.Helper()
	for _, id := range p.activations {
		eventually(t, id+" is "+string(status), func() bool {
			state, err := p.apps.Activation(sim.Agent, id).State(t.Context())
			return err == nil && state.Status == status
		})
	}
}

func (p *play) caseID(t *testing.T, one *signalbox.Case) string {
	t.Helper()
	records := p.simulators.Offload.CasesOf(one.Reference())
	require.Len(t, records, 1, "a case is created once")
	return records[0].CaseID
}

// complete ends cases at the provider and checks that each workflow has heard it from the webhook.
func (p *play) complete(t *testing.T, cases ...*signalbox.Case) {
	t.Helper()
	for _, one := range cases {
		require.NoError(t, p.simulators.Offload.Complete(p.caseID(t, one), nil))
	}
	p.await(t, workflows.CaseCompleted, cases...)
	p.ended(t, cases...)
}

func (p *play) ended(t *testing.T, cases ...*signalbox.Case) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for _, one := range cases {
		outcome, err := one.Wait(ctx)
		require.NoError(t, err, one.Reference())
		require.Equal(t, workflows.CaseCompleted, outcome.Status, one.Reference())
		require.Equal(t, workflows.NewsByWebhook, outcome.Source, one.Reference())
		require.Len(t, p.simulators.Offload.CasesOf(one.Reference()), 1, "a case is created once")
	}
}

// migrateInbox does what an additive migration of a later release does, while the ingress of this one runs.
func (p *play) migrateInbox(t *testing.T) {
	t.Helper()
	database, err := sql.Open("sqlite", "file:"+p.inbox+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer func() { require.NoError(t, database.Close()) }()
	for _, statement := range []string{
		"ALTER TABLE inbox_delivery ADD COLUMN added_later TEXT",
		"CREATE INDEX delivery_added_later ON inbox_delivery (added_later) WHERE added_later IS NOT NULL",
	} {
		_, err = database.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}

// noneLost checks that every webhook was accepted, though Artmail may have repeated it, and has reached its workflow.
func (p *play) noneLost(t *testing.T) {
	t.Helper()
	for _, record := range p.simulators.Offload.Cases() {
		for _, attempt := range record.Webhooks {
			require.True(t, attempt.Delivered() || stories.Undelivered(attempt), "%+v", attempt)
		}
	}
	eventually(t, "each webhook of a case is accepted", func() bool {
		err := stories.Resend(p.simulators.Offload, p.simulators.Offload.Cases())
		return err == nil && !slices.ContainsFunc(p.simulators.Offload.Cases(), func(record offloadsim.Record) bool {
			accepted := map[string]bool{}
			for _, attempt := range record.Webhooks {
				accepted[attempt.Event] = attempt.Delivered()
			}
			return slices.Contains(slices.Collect(maps.Values(accepted)), false)
		})
	})
	for _, id := range p.activations {
		// Artmail has each event once in the life of an activation, and repeats a post that fails.
		eventually(t, "each event of "+id+" is accepted", func() bool {
			record, err := p.simulators.Artmail.Activation(id)
			accepted := map[string]bool{}
			for _, attempt := range record.Webhooks {
				accepted[attempt.Event] = attempt.Delivered()
			}
			return err == nil && len(accepted) > 0 && !slices.Contains(slices.Collect(maps.Values(accepted)), false)
		})
	}
	store, err := storage.OpenExisting(t.Context(), p.inbox)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	var counts map[inbox.State]int64
	eventually(t, "the inbox is handed over", func() bool {
		counts, err = store.Counts(t.Context())
		return err == nil && counts[inbox.StatePending] == 0
	})
	// Late is no loss: the server's answer to a signal came too late, and the signal that was sent again found that it had ended the workflow.
	for _, state := range []inbox.State{inbox.StateUnmatched, inbox.StateDead, inbox.StateQuarantined} {
		require.Zero(t, counts[state], state)
	}
}

// encrypted checks that inputs are encrypted where this process has keys, and plain where it has none.
func (p *play) encrypted(t *testing.T) {
	t.Helper()
	for _, id := range p.workflowIDs() {
		for _, e := range stories.MustRetry(t, func(ctx context.Context) ([]*historypb.HistoryEvent, error) { return p.events(ctx, id, "") }) {
			for _, input := range e.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads() {
				_, encrypted := payloadcodec.KeyID(input)
				require.Equal(t, payloadtest.Keys() != nil, encrypted, id)
			}
		}
	}
}

// allFailedTasks are the failed tasks of all workflows of the play.
func (p *play) allFailedTasks(t *testing.T) []string {
	t.Helper()
	return stories.MustRetry(t, func(ctx context.Context) ([]string, error) { return p.failedTasks(ctx, p.workflowIDs()...) })
}

// workflowIDs are the workflows of the play and those that deliver the cases' notices.
func (p *play) workflowIDs() (ids []string) {
	for _, one := range p.cases {
		ids = append(ids, one.WorkflowID(), workflows.NotifyWorkflowID(one.WorkflowID()))
	}
	for _, id := range p.activations {
		ids = append(ids, workflows.ArtmailActivationWorkflowID(sim.Agent, id))
	}
	return ids
}
