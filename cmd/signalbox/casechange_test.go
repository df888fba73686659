package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
)

// corrected is a document as "case start" takes it.
const corrected = `{"reference": "ignored", "request": {"channel": "EMAIL", "goal": {"objective": "Obtain a W-9"},
	"counterparty": {"address": "ap@vendor.example", "name": "Ada"}, "senderPersona": {"name": "Grace"}}}`

func TestCommandsChangeACaseByUpdates(t *testing.T) {
	t.Parallel()
	document := filepath.Join(t.TempDir(), "corrected.json")
	require.NoError(t, os.WriteFile(document, []byte(corrected), 0o600))
	for name, c := range map[string]struct {
		args   []string
		update string
		sends  any
	}{
		"adopt": {[]string{"adopt", "vendor_2048", "c-1", "--by", "ada"}, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "c-1", By: "ada"}},
		"adopt, by the user of the process": {
			[]string{"adopt", "vendor_2048", "c-1"}, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "c-1", By: process{}.who()},
		},
		"retry-create": {[]string{"retry-create", "vendor_2048", "--by", "ada"}, workflows.UpdateRetryCreate, workflows.RetryCreate{By: "ada", RunID: "run-1"}},
		"retry-create with another request": {
			[]string{"retry-create", "vendor_2048", "-f", document},
			workflows.UpdateRetryCreate,
			workflows.RetryCreate{By: process{}.who(), RunID: "run-1", Request: &workflows.CaseRequest{
				Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a W-9"},
				Counterparty: workflows.Counterparty{Address: "ap@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
			}},
		},
		"cancel":                             {[]string{"cancel", "vendor_2048", "--reason", "paid", "--by", "ada"}, workflows.UpdateCancel, workflows.CancelCase{Reason: "paid", By: "ada"}},
		"cancel, by the user of the process": {[]string{"cancel", "vendor_2048"}, workflows.UpdateCancel, workflows.CancelCase{By: process{}.who()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handle := &mocks.WorkflowUpdateHandle{}
			handle.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
				*args.Get(1).(*workflows.CaseReceipt) = workflows.CaseReceipt{Status: "AS_ANSWERED"}
			}).Return(nil)
			server := &mocks.Client{}
			server.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
				return o.WorkflowID == "offload-case/vendor_2048" && o.UpdateName == c.update && len(o.Args) == 1 && assert.ObjectsAreEqual(c.sends, o.Args[0])
			})).Return(handle, nil)
			server.On("DescribeWorkflow", mock.Anything, "offload-case/vendor_2048", "").Return(&client.WorkflowExecutionDescription{
				WorkflowExecutionMetadata: client.WorkflowExecutionMetadata{WorkflowExecution: workflow.Execution{RunID: "run-1"}},
			}, nil)
			server.On("Close")
			got := commandWith(t, nil, func(context.Context, client.Options) (client.Client, error) { return server, nil }, append([]string{"case"}, c.args...)...)
			require.Zero(t, got.status, got.err)
			require.Contains(t, got.out, "AS_ANSWERED")
		})
	}
}

func TestACorrectionWithoutARequestIsRefused(t *testing.T) {
	t.Parallel()
	document := filepath.Join(t.TempDir(), "empty.json")
	require.NoError(t, os.WriteFile(document, []byte(`{"reference": "vendor_2048"}`), 0o600))
	server := &mocks.Client{}
	server.On("Close")
	got := commandWith(t, nil, func(context.Context, client.Options) (client.Client, error) { return server, nil },
		"case", "retry-create", "vendor_2048", "-f", document)
	require.Equal(t, 2, got.status)
	require.Contains(t, got.err, "request: required")
}
