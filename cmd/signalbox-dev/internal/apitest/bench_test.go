package apitest_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

var benched atomic.Int64

// BenchmarkStartAndGet compares the API with bare calls to Temporal that have the same effect: start a case, ask for its state. The server and the
// worker take nearly all of the time of both.
func BenchmarkStartAndGet(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				reference := fmt.Sprintf("bench-%d", benched.Add(1))
				id := workflows.OffloadCaseWorkflowID(reference)
				input := workflows.CaseStart{Reference: reference, Request: &workflows.CaseRequest{
					Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
					Counterparty: workflows.Counterparty{Address: "silent@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
				}}.Normalized()
				_, err := shared.Temporal.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{
					ID: id, TaskQueue: workflows.TaskQueueWorkflows, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
				}, workflows.OffloadCaseWorkflow, input)
				require.NoError(b, err)
				value, err := shared.Temporal.QueryWorkflow(b.Context(), id, "", workflows.QueryState)
				require.NoError(b, err)
				var state workflows.CaseState
				require.NoError(b, value.Get(&state))
			}
		})
	})
	b.Run("api", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				reference := fmt.Sprintf("bench-%d", benched.Add(1))
				response, answer := send(b, http.MethodPost, "/v1/cases", start(reference, "silent"))
				require.Equal(b, http.StatusCreated, response.StatusCode, "%s", answer)
				response, answer = send(b, http.MethodGet, "/v1/cases/"+reference, "")
				require.Equal(b, http.StatusOK, response.StatusCode, "%s", answer)
			}
		})
	})
}
