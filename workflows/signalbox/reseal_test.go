package signalbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// The workflow ID has only a hash of such an activationId, but the key is bound to the whole activationId. Another activation's history can't be
// replayed.
func TestTheKeyOfAnActivationWithALongIDIsResealedAfterAnotherFails(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	activationID := strings.Repeat("a", 250)
	sealed, err := ring.Seal([]byte("art_key_1"), workflows.APIKeyContext("pages", activationID)...)
	require.NoError(t, err)
	staged, err := ring.Stage()
	require.NoError(t, err)
	newer, err := staged.Promote()
	require.NoError(t, err)
	state, err := converter.GetDefaultDataConverter().ToPayloads(workflows.ActivationState{Agent: "pages", ActivationID: activationID, SealedAPIKey: sealed})
	require.NoError(t, err)

	workflowID, stuck := workflows.ArtmailActivationWorkflowID("pages", activationID), workflows.ArtmailActivationWorkflowID("pages", "stuck")
	server := mocks.NewClient(t)
	server.On("ListWorkflow", mock.Anything, mock.Anything).Return(&workflowservice.ListWorkflowExecutionsResponse{
		Executions: []*workflowpb.WorkflowExecutionInfo{running(stuck), running(workflowID)},
	}, nil)
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(func(r *client.QueryWorkflowWithOptionsRequest) bool {
		return r.WorkflowID == stuck
	})).Return(nil, serviceerror.NewQueryFailed("nondeterminism"))
	server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(func(r *client.QueryWorkflowWithOptionsRequest) bool {
		return r.WorkflowID == workflowID
	})).Return(&client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(state)}, nil)
	handle := mocks.NewWorkflowUpdateHandle(t)
	handle.On("Get", mock.Anything, mock.Anything).Return(nil)
	var reseal workflows.ResealAPIKey
	server.On("UpdateWorkflow", mock.Anything, mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
		reseal = o.Args[0].(workflows.ResealAPIKey)
		return o.WorkflowID == workflowID
	})).Return(handle, nil)

	var failed []string
	done, err := newClient(t, server, signalbox.Options{Keyring: newer}).ResealAPIKeys(t.Context(), signalbox.ResealOptions{
		Failed: func(workflowID string, _ error) { failed = append(failed, workflowID) },
	})
	require.NoError(t, err)
	require.Equal(t, signalbox.Resealed{Resealed: 1, Failed: 1}, done)
	require.Equal(t, []string{stuck}, failed)
	key, err := newer.Open(reseal.SealedAPIKey, workflows.APIKeyContext("pages", activationID)...)
	require.NoError(t, err)
	require.Equal(t, "art_key_1", string(key))
}
