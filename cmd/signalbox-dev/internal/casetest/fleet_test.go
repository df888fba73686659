package casetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	dropped = "dropped"
	wild    = "wild"
)

// ends is what each script of a fleet has to lead to.
var ends = []struct {
	script offloadsim.Script
	status workflows.CaseStatus
	result string
}{
	{offloadsim.ScriptComplete, workflows.CaseCompleted, offloadsim.ResultGoalAchieved},
	{offloadsim.ScriptQuestion, workflows.CaseCompleted, offloadsim.ResultGoalAchieved},
	{offloadsim.ScriptFail, workflows.CaseFailed, offloadsim.ResultMaxRetries},
	{offloadsim.ScriptReject, workflows.CaseFailed, offloadsim.ResultFailedRejected},
	{offloadsim.ScriptBounce, workflows.CaseFailed, offloadsim.ResultBounced},
}

func TestEveryCaseEndsRightWithAllWebhooksLost(t *testing.T) {
	t.Parallel()
	for _, outcome := range playFleet(t, dropped, map[courier.Fault]float64{courier.Drop: 1}) {
		require.Equal(t, workflows.NewsByPoll, outcome.Source, outcome.Reference)
	}
}

func TestEveryCaseEndsRightWithWebhooksLostDoubledLateAndOutOfOrder(t *testing.T) {
	t.Parallel()
	sources := map[workflows.NewsSource]int{}
	for _, outcome := range playFleet(t, wild, map[courier.Fault]float64{
		courier.Drop: 0.2, courier.Repeat: 0.25, courier.Delay: 0.25, courier.Reorder: 0.2,
	}) {
		sources[outcome.Source]++
	}
	t.Log(sources)
	require.Positive(t, sources[workflows.NewsByPoll], "some webhooks of an end were lost")
	require.Positive(t, sources[workflows.NewsByWebhook], "most were not")
}

// playFleet starts the fleet, answers its questions and returns the outcomes, once it is certain that each case is there once, at
// Offload and in Temporal, and ended as its script says.
func playFleet(t *testing.T, name string, faults map[courier.Fault]float64) []workflows.CaseOutcome {
	t.Helper()
	began := time.Now()
	offload := shared.providers[name]
	require.NoError(t, offload.Webhooks.Faults.SetRates(faults))

	outcomes := make([]workflows.CaseOutcome, fleetSize)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(underWay)
	for i := range outcomes {
		group.Go(func() (err error) {
			outcomes[i], err = playOne(ctx, name, fmt.Sprintf("%s-%03d", name, i), ends[i%len(ends)].script)
			return err
		})
	}
	require.NoError(t, group.Wait())
	t.Logf("%d cases in %s", fleetSize, time.Since(began).Round(time.Millisecond))

	atOffload := map[string]offloadsim.Record{}
	for _, r := range offload.Cases() {
		require.NotContains(t, atOffload, r.ClientReferenceID, "a second case")
		atOffload[r.ClientReferenceID] = r
	}
	require.Len(t, atOffload, fleetSize)
	for i, got := range outcomes {
		want, truth := ends[i%len(ends)], atOffload[got.Reference]
		require.Equal(t, want.status, got.Status, got.Reference)
		require.Equal(t, want.result, got.ResultStatus, got.Reference)
		require.Equal(t, truth.CaseID, got.CaseID, got.Reference)
		require.Empty(t, got.Attention, got.Reference)
		asked := want.script == offloadsim.ScriptQuestion
		require.Equal(t, asked, len(truth.Answers) == 1, got.Reference)
		require.Equal(t, len(truth.Answers), len(got.Answers), got.Reference)
	}
	// Each ended once: one run, and that one completed.
	for _, condition := range []string{"", " AND ExecutionStatus = 'Completed'"} {
		query := fmt.Sprintf("WorkflowId STARTS_WITH '%s-'%s", workflows.OffloadCaseWorkflowID(name), condition)
		testenv.Eventually(t, func(ctx context.Context) (int64, error) {
			count, err := shared.Temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			return count.GetCount(), err
		}, func(count int64) bool { return count == fleetSize })
	}
	return outcomes
}

func playOne(ctx context.Context, account, reference string, script offloadsim.Script) (workflows.CaseOutcome, error) {
	one, err := stories.Start(ctx, shared.Apps, workflows.CaseStart{
		Reference: reference,
		Account:   account,
		Request:   request(script),
		Options: workflows.CaseOptions{
			ReconcileAfter: workflows.Duration(500 * time.Millisecond),
			PollFloor:      workflows.Duration(250 * time.Millisecond),
			PollCeiling:    workflows.Duration(time.Second),
		},
	})
	if err != nil {
		return workflows.CaseOutcome{}, err
	}
	state := stories.Attended(shared.providers[account], one)
	if _, err := testenv.Await(ctx, state, func(s workflows.CaseState) bool { return s.CaseID != "" }); err != nil {
		return workflows.CaseOutcome{}, fmt.Errorf("%s: created: %w", reference, err)
	}
	if script == offloadsim.ScriptQuestion {
		state, err := testenv.Await(ctx, state, func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded && s.Question != nil })
		if err != nil {
			return workflows.CaseOutcome{}, fmt.Errorf("%s: question: %w", reference, err)
		}
		if err := stories.Answer(ctx, one, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes.", By: "ada"}); err != nil {
			return workflows.CaseOutcome{}, err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	got, err := one.Wait(waiting)
	if err != nil {
		state, stateErr := one.State(context.WithoutCancel(ctx))
		return got, errors.Join(fmt.Errorf("%w; it stands at %+v, at Offload at %+v", err, state, shared.providers[account].CasesOf(reference)), stateErr)
	}
	return got, nil
}
