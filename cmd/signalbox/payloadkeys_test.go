package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// remembering returns a dial function for a mock Temporal server. Its workflows have the given statuses and a memo encrypted with ring.
func remembering(t *testing.T, ring *keyring.Ring, statuses map[string]enumspb.WorkflowExecutionStatus) func(context.Context, client.Options) (client.Client, error) {
	t.Helper()
	memo, err := payloadcodec.New(ring).Encode([]*commonpb.Payload{{Data: []byte(`"text"`)}})
	require.NoError(t, err)
	page, open := &workflowservice.ListWorkflowExecutionsResponse{}, &workflowservice.ListWorkflowExecutionsResponse{}
	for id, status := range statuses {
		execution := &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id}, Status: status, Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{"memo": memo[0]}},
		}
		page.Executions = append(page.Executions, execution)
		if status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			open.Executions = append(open.Executions, execution)
		}
	}
	return func(context.Context, client.Options) (client.Client, error) {
		server := &mocks.Client{}
		server.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool { return r.GetQuery() == "" })).Return(page, nil)
		server.On("ListWorkflow", mock.Anything, mock.Anything).Return(open, nil)
		server.On("Close")
		return server, nil
	}
}

func TestAPayloadKeyIsRetiredWhenNoWorkflowNeedsIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payload-keys.json")
	require.Zero(t, command(t, nil, "keys", "create", "--payloads", path).status)
	old := readRing(t, path)
	require.True(t, old.ForPayloads())
	require.Contains(t, command(t, nil, "keys", "retire", path).out, "no older sealing key")
	require.Regexp(t, "an open case +until it ends, since", command(t, nil, "keys", "retire", "--help").out, "no signal frees a case of its memo")
	got := command(t, nil, "keys", "stage", path)
	require.Zero(t, got.status, got.err)
	require.Equal(t, old.SealingKeyID(), readRing(t, path).SealingKeyID(), "a staged key is not in use yet")
	got = command(t, nil, "keys", "promote", path)
	require.Contains(t, got.out, "keys retire")
	require.NotEqual(t, old.SealingKeyID(), readRing(t, path).SealingKeyID())

	const running, completed = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	retire := func(statuses map[string]enumspb.WorkflowExecutionStatus, more ...string) result {
		return commandWith(t, nil, remembering(t, old, statuses), append([]string{"keys", "retire", path, "--yes"}, more...)...)
	}
	got = retire(map[string]enumspb.WorkflowExecutionStatus{"offload-case/a": running, "offload-case/b": completed, "offload-case/c": completed})
	require.Equal(t, 4, got.status)
	require.Contains(t, got.err, "1 open workflows began before every process used the new key (offload-case/a)")
	require.Contains(t, got.err, "force-continue-as-new")
	require.Contains(t, got.err, "2 closed workflows")
	got = retire(map[string]enumspb.WorkflowExecutionStatus{"offload-case/a": running}, "--forget-closed")
	require.Equal(t, 4, got.status, "--forget-closed does not cover open workflows")
	got = retire(map[string]enumspb.WorkflowExecutionStatus{"offload-case/b": completed})
	require.Equal(t, 4, got.status)
	require.Equal(t, 1, readRing(t, path).OlderSealingKeys())
	got = retire(map[string]enumspb.WorkflowExecutionStatus{"offload-case/b": completed}, "--forget-closed")
	require.Zero(t, got.status, got.err)
	require.Zero(t, readRing(t, path).OlderSealingKeys())
}

func TestKeyringAndPayloadKeysAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	sealing, payloads := filepath.Join(folder, "keyring.json"), filepath.Join(folder, "payload-keys.json")
	require.Zero(t, command(t, nil, "keys", "create", sealing).status)
	require.Zero(t, command(t, nil, "keys", "create", "--payloads", payloads).status)
	require.Equal(t, 2, command(t, nil, "keys", "create", "--if-missing", payloads).status)
	require.Zero(t, command(t, nil, "keys", "create", "--if-missing", "--payloads", payloads).status)
	for name, c := range map[string]struct {
		environ []string
		args    []string
		says    string
	}{
		"the keyring has payload keys":   {[]string{"SIGNALBOX_KEYRING=" + payloads}, []string{"keys", "reseal"}, "--payload-keys"},
		"the payload keys are a keyring": {[]string{"SIGNALBOX_PAYLOAD_KEYS=" + sealing}, []string{"case", "list"}, "keys create --payloads"},
		"the key file is missing":        {[]string{"SIGNALBOX_PAYLOAD_KEYS=" + folder + "/none"}, []string{"case", "list"}, "--payload-keys"},
		"decrypt-only is not a boolean":  {[]string{"SIGNALBOX_PAYLOAD_DECRYPT_ONLY=perhaps"}, []string{"case", "list"}, "SIGNALBOX_PAYLOAD_DECRYPT_ONLY"},
	} {
		got := command(t, c.environ, c.args...)
		require.Equal(t, 2, got.status, "%s: %s", name, got.err)
		require.Contains(t, got.err, c.says, name)
	}
}

// Commands encrypt and decrypt by the same settings as ingress and worker.
func TestCommandsUseThePayloadKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payload-keys.json")
	require.Zero(t, command(t, nil, "keys", "create", "--payloads", path).status)
	for _, c := range []struct {
		environ   []string
		args      []string
		encrypted bool
	}{
		{nil, []string{"case", "list"}, false},
		{[]string{"SIGNALBOX_PAYLOAD_KEYS=" + path}, []string{"case", "list"}, true},
		{[]string{"SIGNALBOX_PAYLOAD_KEYS=" + path, "SIGNALBOX_PAYLOAD_DECRYPT_ONLY=true"}, []string{"case", "list"}, false},
		{nil, []string{"doctor", "--payload-keys", path}, true},
	} {
		dialled := false
		commandWith(t, c.environ, func(_ context.Context, options client.Options) (client.Client, error) {
			dialled = true
			payload, err := options.DataConverter.ToPayload("text")
			require.NoError(t, err)
			_, encrypted := payloadcodec.KeyID(payload)
			require.Equal(t, c.encrypted, encrypted, c)
			return nil, context.DeadlineExceeded
		}, c.args...)
		require.True(t, dialled, c)
	}
}
