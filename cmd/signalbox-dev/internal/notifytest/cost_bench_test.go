package notifytest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
)

// ways are the ways in which a workflow tells another one, with the events that each adds to the history of the teller.
var ways = map[string]int{
	"not at all":         0,
	"by a notice":        1, // the marker of the hand-off
	"by a direct signal": 5, // the signal, its success, and a workflow task of three events
}

// tell is the workflow of the teller. The target is a workflow of a business app.
func tell(ctx workflow.Context, way string, target workflows.ReplyTo) error {
	list := notices(workflow.GetInfo(ctx).WorkflowExecution.ID, 1, 1, target)
	list[0].Time = workflow.Now(ctx) // the same on replay
	switch way {
	case "by a notice":
		// As a case and an activation do it. They try again when the time is over; the teller waits instead, which costs no further event.
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: waitTimeout})
		h := workflows.HandOff{Source: list[0].Source, Notices: list}
		return workflow.ExecuteLocalActivity(ctx, workflows.ActivityNoticeHandOff, h).Get(ctx, nil)
	case "by a direct signal":
		return workflow.SignalExternalWorkflow(ctx, target.WorkflowID, "", target.Signal, list[0].Notice).Get(ctx, nil)
	}
	return nil
}

// told starts the teller and its receiver, and returns the teller and how long the notice was on its way, the start of the teller included.
func told(t testing.TB, id, way string) (teller client.WorkflowRun, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	target := workflows.ReplyTo{WorkflowID: id + "/app", Signal: "told"}
	app := stories.Execute(t, shared, client.StartWorkflowOptions{ID: target.WorkflowID, TaskQueue: receiverQueue}, "receive", min(ways[way], 1))
	began := time.Now()
	teller = stories.Execute(t, shared, client.StartWorkflowOptions{ID: id, TaskQueue: receiverQueue}, "tell", way, target)
	require.NoError(t, app.Get(ctx, nil))
	took = time.Since(began)
	require.NoError(t, teller.Get(ctx, nil))
	return teller, took
}

// countEvents counts the events of a workflow's history.
func countEvents(t testing.TB, run client.WorkflowRun) int {
	t.Helper()
	return len(stories.History(t, shared, run.GetID(), run.GetRunID()).GetEvents())
}

// withoutNotice are the events of a teller that tells no one: its start, a workflow task of three events, and its end.
const withoutNotice = 5

func TestANoticeCostsItsSourceOneEvent(t *testing.T) {
	t.Parallel()
	for way, events := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			var seen []int
			for n := range 10 { // on a slow machine Temporal repeats a workflow task now and then, which has its events too
				teller, _ := told(t, fmt.Sprintf("%s-%d", source(t), n), way)
				seen = append(seen, countEvents(t, teller)-withoutNotice)
				if seen[n] == events {
					return
				}
			}
			require.Contains(t, seen, events)
		})
	}
}

// BenchmarkANotice compares a notice with a direct signal: the median of the time until the receiver has it, and the events in the history of
// the source. The time includes the start of the source, which is the same for both.
//
//	go test ./cmd/signalbox-dev/internal/notifytest -run '^$' -bench ANotice -benchtime 100x
func BenchmarkANotice(b *testing.B) {
	for _, way := range []string{"by a notice", "by a direct signal"} {
		b.Run(strings.ReplaceAll(way, " ", "-"), func(b *testing.B) {
			var took []time.Duration
			events := 0
			for b.Loop() {
				teller, one := told(b, fmt.Sprintf("test/cost-%d", time.Now().UnixNano()), way)
				took = append(took, one)
				events += countEvents(b, teller) - withoutNotice
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(events)/float64(len(took)), "events")
		})
	}
}
