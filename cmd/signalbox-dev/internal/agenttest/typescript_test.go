package agenttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const folder = "testdata/typescript"

// node runs a script of the folder and returns what it prints.
func node(t *testing.T, script string, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", append([]string{script}, arguments...)...)
	command.Dir = folder
	if payloadtest.Keys() != nil {
		command.Env = append(os.Environ(), "CODEC_URL="+shared.InternalURL()+"/codec", "CODEC_TOKEN="+codecToken)
	}
	var output, complaint bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaint
	require.NoError(t, command.Run(), "%s%s", &output, &complaint)
	return output.Bytes()
}

func needsNode(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules", "@temporalio", "worker"))
	}
	if err != nil {
		testenv.Missing(t, "node", fmt.Sprintf("install it, and run `npm ci` in cmd/signalbox-dev/internal/agenttest/%s: %v", folder, err))
	}
}

// typeChecked generates the client's types from the API's document, checks the client's own code by them, and returns the script.
var typeChecked = sync.OnceValues(func() (string, error) {
	for _, arguments := range [][]string{
		{"openapi-typescript", filepath.Join("..", "..", "..", "..", "..", "..", "ingress", "api", "openapi.yaml"), "-o", filepath.Join("node_modules", ".generated", "signalbox.d.ts")},
		{"tsc", "-p", "."},
	} {
		command := exec.Command(filepath.Join("node_modules", ".bin", arguments[0]), arguments[1:]...)
		command.Dir = folder
		if said, err := command.CombinedOutput(); err != nil {
			return string(said), err
		}
	}
	return filepath.Join("node_modules", ".built", "api.js"), nil
})

// endOfCase is what both clients print.
type endOfCase struct {
	Status workflows.CaseStatus
	Result map[string]any
	By     string
}

func TestATypeScriptClientOfTheAPIStartsAnswersAndAwaitsACase(t *testing.T) {
	t.Parallel()
	needsNode(t)
	script, err := typeChecked()
	require.NoError(t, err, script)
	var end endOfCase
	require.NoError(t, json.Unmarshal(node(t, script, shared.InternalURL(), shopToken, "typescript-api"), &end))
	require.Equal(t, workflows.CaseCompleted, end.Status)
	require.NotEmpty(t, end.Result)
	require.Equal(t, "shop", end.By)
}

func TestTemporalsTypeScriptClientStartsAnswersAndAwaitsACase(t *testing.T) {
	t.Parallel()
	needsNode(t)
	var end endOfCase
	require.NoError(t, json.Unmarshal(node(t, "sdk.mjs", shared.TemporalAddress(), "default", "typescript-sdk"), &end))
	require.Equal(t, workflows.CaseCompleted, end.Status)
	require.NotEmpty(t, end.Result)
	require.Equal(t, "typescript", end.By)
}

func TestATypeScriptWorkerGetsTheNoticesOfItsActivation(t *testing.T) {
	t.Parallel()
	needsNode(t)
	one := activate(t, typescriptAgent)
	id := strings.TrimPrefix(one.WorkflowID(), workflows.ArtmailActivationWorkflow+"/"+typescriptAgent+"/")
	message, err := artmail.RequestApproval(id, "May I?", "")
	require.NoError(t, err)
	stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: message})
	_, err = artmail.RespondApproval(message, true, "Lovely.", "")
	require.NoError(t, err)
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool {
		return len(s.Approvals) == 1 && s.Approvals[0].Status == workflows.ApprovalApproved
	})
	require.NoError(t, artmail.Pause(id, artmailsim.PauseUser))
	testenv.Eventually(t, one.State, inStatus(workflows.ActivationPaused))
	require.NoError(t, artmail.Resume(id))
	testenv.Eventually(t, one.State, inStatus(workflows.ActivationActive))
	require.NoError(t, artmail.Deactivate(id, artmailsim.DeactivateUser))

	// The author's worker asks for the end of the workflow, which must be there.
	testenv.Eventually(t, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return shared.Temporal.DescribeWorkflowExecution(ctx, workflows.HandOverWorkflowID(typescriptAgent, id), "")
	}, func(*workflowservice.DescribeWorkflowExecutionResponse) bool { return true })
	var got struct {
		Start workflows.HandOverStart
		Told  []workflows.Notice
	}
	printed := node(t, "agent.mjs", shared.TemporalAddress(), "default", typescriptQueue, workflows.HandOverWorkflowID(typescriptAgent, id))
	require.NoError(t, json.Unmarshal(printed, &got))
	require.Equal(t, workflows.HandOverStart{Agent: typescriptAgent, ActivationID: id}, got.Start)
	var kinds []workflows.NoticeKind
	for _, n := range got.Told {
		require.Equal(t, id, n.ActivationID)
		kinds = append(kinds, n.Kind)
	}
	require.Equal(t, []workflows.NoticeKind{
		workflows.NoticeActivationActivated, workflows.NoticeApprovalApproved, workflows.NoticeActivationPaused,
		workflows.NoticeActivationResumed, workflows.NoticeActivationDeactivated,
	}, kinds)
	require.Equal(t, "Lovely.", got.Told[1].Data.Approval.Reason)
}
