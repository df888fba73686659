package dev

import (
	"fmt"
	"net/url"

	"github.com/signalbox-dev/signalbox/workflows"
)

// View is a list of workflows in the Web UI.
type View struct {
	Name string
	// Query is in Temporal's list filter.
	Query string
	URL   string
}

// Views are the lists of this instance's Web UI; none without a Web UI.
func (in *Instance) Views() []View {
	if in.UIURL() == "" {
		return nil
	}
	return Views(in.UIURL(), in.server.Namespace())
}

// Views are the lists that operators need most, in the Web UI at an address.
func Views(ui, namespace string) []View {
	views := []View{
		{Name: "needs a person", Query: workflows.SearchAttributeAttention + ` IS NOT NULL AND ExecutionStatus IN ("Running", "Completed")`},
		{Name: "open questions", Query: fmt.Sprintf(`%s = %q AND ExecutionStatus = "Running"`, workflows.SearchAttributeState, workflows.CaseInputNeeded)},
		{Name: "running cases", Query: fmt.Sprintf(`WorkflowType = %q AND ExecutionStatus = "Running"`, workflows.OffloadCaseWorkflow)},
		{Name: "activations", Query: fmt.Sprintf(`WorkflowType = %q AND ExecutionStatus = "Running"`, workflows.ArtmailActivationWorkflow)},
	}
	for i := range views {
		views[i].URL = ui + "/namespaces/" + url.PathEscape(namespace) + "/workflows?" + url.Values{"query": {views[i].Query}}.Encode()
	}
	return views
}
