package casetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const counted = "counted"

// events are the types of a workflow's events, read from the server.
func events(t *testing.T, workflowID string) []string {
	t.Helper()
	types := stories.MustRetry(t, func(ctx context.Context) (types []string, err error) {
		history := shared.Temporal.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return nil, err
			}
			types = append(types, event.GetEventType().String())
		}
		return types, nil
	})
	require.NotEmpty(t, types)
	return types
}

func TestACaseThatCompletesByWebhookHasFewEvents(t *testing.T) {
	t.Parallel()
	for n := range 10 {
		reference := fmt.Sprint("by-webhook-", n)
		one := stories.StartCase(t, shared.Apps, workflows.CaseStart{Reference: reference, Account: counted, Request: request(offloadsim.ScriptComplete)})
		ended := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Outcome != nil || s.Status == workflows.CaseCreateUncertain })
		// On a slow machine Temporal loses a task now and then, and a person would have to tell whether Offload has made the case.
		if ended.Status == workflows.CaseCreateUncertain {
			continue
		}
		require.Equal(t, workflows.NewsByWebhook, ended.Outcome.Source)
		seen := events(t, one.WorkflowID())
		t.Log(len(seen), seen)
		if len(seen) <= 25 {
			return
		}
	}
	t.Fatal("Temporal loses a task of each case, or a case has too many events")
}

// A month of hourly reads leaves as many history events as seven reads.
func TestPollingAddsNothingToTheHistory(t *testing.T) {
	few := completedByPoll(t, "seven-polls", 7)
	many := completedByPoll(t, "a-month-of-polls", 30*24)
	t.Log(len(few))
	// On a slow machine Temporal repeats a workflow task now and then, which has its events too.
	require.LessOrEqual(t, len(withoutTasks(few)), 25, few)
	require.Equal(t, withoutTasks(few), withoutTasks(many))
}

// completedByPoll ends a case, without a webhook, after so many polls. A person's help with its creation would have events too.
func completedByPoll(t *testing.T, reference string, polls int) []string {
	t.Helper()
	offload := shared.providers[counted]
	helped := false
	one := stories.StartCase(t, shared.Apps, workflows.CaseStart{
		Reference: reference, Account: counted, Request: request(offloadsim.ScriptManual),
		Options: workflows.CaseOptions{
			ReconcileAfter: workflows.Duration(50 * time.Millisecond),
			PollFloor:      workflows.Duration(10 * time.Millisecond),
			PollCeiling:    workflows.Duration(10 * time.Millisecond),
		},
	})
	caseID := testenv.Eventually(t, func(ctx context.Context) (workflows.CaseState, error) {
		state, err := stories.Attended(offload, one)(ctx)
		helped = helped || state.Status == workflows.CaseCreateUncertain
		return state, err
	}, isRunning).CaseID
	if helped {
		require.Less(t, strings.Count(reference, "-again"), 5)
		return completedByPoll(t, reference+"-again", polls)
	}
	require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID, Times: -1}))
	polled := func(times int) {
		testenv.Eventually(t, func(context.Context) (int, error) {
			record, err := offload.Case(caseID)
			return record.Reads, err
		}, func(seen int) bool { return seen >= times })
	}
	polled(2) // as CREATED, which is no news
	require.NoError(t, offload.SendFirstMessage(caseID))
	polled(polls)
	require.NoError(t, offload.Complete(caseID, nil))
	require.Equal(t, workflows.NewsByPoll, outcome(t, one).Source)
	return events(t, one.WorkflowID())
}
