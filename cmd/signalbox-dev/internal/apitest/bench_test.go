package apitest_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
)

var benched atomic.Int64

// BenchmarkStartAndGet compares the API with bare calls to Temporal that have the same effect: start a case, read its state, answer its question.
// Each iteration does both, and which comes first changes. "x" is the time of the bare calls divided by that of the API: 1 is as fast.
//
//	go test ./cmd/signalbox-dev/internal/apitest -run '^$' -bench StartAndGet -benchtime 500x -timeout 20m
func BenchmarkStartAndGet(b *testing.B) {
	b.Run("start", func(b *testing.B) {
		compare(b, func(int) error {
			_, err := bareStart(b.Context(), benchCase("silent"))
			return err
		}, func(int) error {
			return expect(b, http.MethodPost, "/v1/cases", start(benchCase("silent").Reference, "silent"), http.StatusCreated)
		})
	})
	b.Run("get", func(b *testing.B) {
		cases := prepared(b, 16, "silent", workflows.CaseRunning)
		compare(b, func(i int) error {
			value, err := shared.Temporal.QueryWorkflow(b.Context(), workflows.OffloadCaseWorkflowID(cases[i%16].Reference), "", workflows.QueryState)
			if err != nil {
				return err
			}
			var state workflows.CaseState
			return value.Get(&state)
		}, func(i int) error {
			return expect(b, http.MethodGet, "/v1/cases/"+cases[i%16].Reference, "", http.StatusOK)
		})
	})
	b.Run("answer", func(b *testing.B) {
		cases := prepared(b, 2*b.N, "question", workflows.CaseInputNeeded)
		compare(b, func(i int) error {
			one := cases[2*i]
			handle, err := shared.Temporal.UpdateWorkflow(b.Context(), client.UpdateWorkflowOptions{
				WorkflowID: workflows.OffloadCaseWorkflowID(one.Reference), UpdateName: workflows.UpdateProvideInput, WaitForStage: client.WorkflowUpdateStageCompleted,
				Args: []any{workflows.ProvideInput{QuestionID: one.Question.ID, Text: "Yes.", By: "bench"}},
			})
			if err != nil {
				return err
			}
			var receipt workflows.InputReceipt
			return handle.Get(b.Context(), &receipt)
		}, func(i int) error {
			one := cases[2*i+1]
			return expect(b, http.MethodPost, "/v1/cases/"+one.Reference+"/input", fmt.Sprintf(`{"questionId":%q,"text":"Yes."}`, one.Question.ID), http.StatusAccepted)
		})
	})
}

// compare runs both ways in each iteration, on as many goroutines as there are processors, and reports how they compare. The argument of a way is the
// number of the iteration, from 0.
func compare(b *testing.B, bare, api func(i int) error) {
	b.Helper()
	var iterations atomic.Int64
	var took [2]atomic.Int64
	ways := [2]func(int) error{bare, api}
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(iterations.Add(1)) - 1
			for n := range ways {
				way := (i + n) % len(ways)
				began := time.Now()
				if err := ways[way](i); err != nil {
					b.Error(err)
					return
				}
				took[way].Add(int64(time.Since(began)))
			}
		}
	})
	b.ReportMetric(float64(took[0].Load())/float64(took[1].Load()), "x")
	for way, name := range []string{"bare-µs", "api-µs"} {
		b.ReportMetric(float64(took[way].Load())/float64(b.N)/1e3, name)
	}
}

// benchCase is a start with a reference that none had before.
func benchCase(script string) workflows.CaseStart {
	one := request(fmt.Sprintf("bench-%d", benched.Add(1)), script)
	one.Notify = nil
	return one
}

func bareStart(ctx context.Context, one workflows.CaseStart) (client.WorkflowRun, error) {
	return shared.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.OffloadCaseWorkflowID(one.Reference), TaskQueue: workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	}, workflows.OffloadCaseWorkflow, one.Normalized())
}

// prepared starts cases and waits until each is in a status.
func prepared(b *testing.B, count int, script string, status workflows.CaseStatus) []workflows.CaseState {
	b.Helper()
	states := make([]workflows.CaseState, count)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range states {
		group.Go(func() error {
			one := benchCase(script)
			if _, err := bareStart(b.Context(), one); err != nil {
				return err
			}
			pause := time.NewTicker(20 * time.Millisecond)
			defer pause.Stop()
			var err error
			for end := time.After(2 * time.Minute); err != nil || states[i].Status != status; {
				select {
				case <-end:
					return fmt.Errorf("case %s is %s, not %s: %w", one.Reference, states[i].Status, status, err)
				case <-pause.C:
					states[i], err = shared.Apps.Case(one.Reference).State(b.Context())
				}
			}
			return nil
		})
	}
	require.NoError(b, group.Wait())
	return states
}

// expect calls the API and fails for another status.
func expect(b *testing.B, method, path, body string, status int) error {
	response, answer := send(b, method, path, body)
	if response.StatusCode != status {
		return fmt.Errorf("%s %s: %d: %s", method, path, response.StatusCode, answer)
	}
	return nil
}
