package dev_test

import (
	"context"
	"net/url"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// Temporal takes each view's query, and a case with an open question stands in the views that it belongs to.
func TestTheViewsOfTheWebUIShowTheirWorkflows(t *testing.T) {
	t.Parallel()
	one := startScripted(t, "views", "question", workflows.CaseOptions{})
	inStatus(t, one, workflows.CaseInputNeeded)
	views := dev.Views("http://127.0.0.1:8233", "default")
	require.Len(t, views, 4)
	readme, err := os.ReadFile("../../../../README.md")
	require.NoError(t, err)
	want := map[string]bool{"needs a person": true, "open questions": true, "running cases": true, "activations": false}
	for _, view := range views {
		require.Contains(t, string(readme), "["+view.Name+"]("+view.URL+")", "the README links to it")
		parsed, err := url.Parse(view.URL)
		require.NoError(t, err)
		require.Equal(t, "/namespaces/default/workflows", parsed.Path)
		require.Equal(t, view.Query, parsed.Query().Get("query"))
		testenv.Eventually(t, listedIn(view), func(ids []string) bool { return slices.Contains(ids, one.WorkflowID()) == want[view.Name] })
	}
}

// listedIn reads the IDs of a view's workflows.
func listedIn(view dev.View) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (ids []string, err error) {
		listed, err := shared.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: view.Query})
		for _, execution := range listed.GetExecutions() {
			ids = append(ids, execution.GetExecution().GetWorkflowId())
		}
		return ids, err
	}
}
