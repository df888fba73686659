package main

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// holding is a Temporal in which activations of w9 run, each with a sealed key that the update replaces.
type holding struct {
	sealed map[string][]byte
}

func (h *holding) dial(t *testing.T) func(context.Context, client.Options) (client.Client, error) {
	t.Helper()
	server := &mocks.Client{}
	page := &workflowservice.ListWorkflowExecutionsResponse{}
	for id := range h.sealed {
		workflowID := workflows.ArtmailActivationWorkflowID("w9", id)
		page.Executions = append(page.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID}})
		server.On("QueryWorkflowWithOptions", mock.Anything, mock.MatchedBy(asksFor(workflowID))).Return(
			func(context.Context, *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
				payloads, err := converter.GetDefaultDataConverter().ToPayloads(workflows.ActivationState{Agent: "w9", ActivationID: id, SealedAPIKey: h.sealed[id]})
				return &client.QueryWorkflowWithOptionsResponse{QueryResult: client.NewValue(payloads)}, err
			})
	}
	server.On("ListWorkflow", mock.Anything, mock.Anything).Return(page, nil)
	server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(
		func(_ context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
			id := strings.TrimPrefix(options.WorkflowID, workflows.ArtmailActivationWorkflowID("w9", ""))
			reseal := options.Args[0].(workflows.ResealAPIKey)
			require.Equal(t, workflows.UpdateResealAPIKey, options.UpdateName)
			require.Equal(t, h.sealed[id], reseal.Replaces)
			h.sealed[id] = reseal.SealedAPIKey
			handle := &mocks.WorkflowUpdateHandle{}
			handle.On("Get", mock.Anything, mock.Anything).Return(nil)
			return handle, nil
		})
	server.On("Close")
	return func(context.Context, client.Options) (client.Client, error) { return server, nil }
}

func TestRotatedKeysAreResealedAndTheOldOnesRetired(t *testing.T) {
	t.Parallel()
	ring, keys := newKeys(t)
	path := keys[len("SIGNALBOX_KEYRING="):]
	seal := func(ring *keyring.Ring, id string) []byte {
		sealed, err := ring.Seal([]byte(apiKey), workflows.APIKeyContext("w9", id)...)
		require.NoError(t, err)
		return sealed
	}
	server := &holding{sealed: map[string][]byte{"a1": seal(ring, "a1"), "a2": nil}}
	dial := server.dial(t)
	where := filepath.Join(filepath.Dir(path), "i.db")
	store, err := storage.Open(t.Context(), where, nil)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	run := func(args ...string) result {
		return commandWith(t, []string{keys, "SIGNALBOX_INBOX=" + where}, dial, append([]string{"keys"}, args...)...)
	}

	require.Contains(t, run("retire", path, "--yes").out, "no older sealing key")
	require.Zero(t, run("stage", path).status)
	require.Zero(t, run("promote", path).status)
	old := server.sealed["a1"]
	got := run("reseal", "--dry-run")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.out, "1 API keys would be sealed anew, 0 are sealed by the newest key already, 1 activations have none")
	require.Equal(t, old, server.sealed["a1"])
	got = run("retire", path, "--yes")
	require.Equal(t, 4, got.status)
	require.Contains(t, got.err, "keys reseal")
	require.Equal(t, 1, readRing(t, path).OlderSealingKeys(), "nothing is retired that is needed")

	got = run("reseal")
	require.Zero(t, got.status, got.err)
	require.Contains(t, got.out, "1 API keys were sealed anew")
	require.NotEqual(t, old, server.sealed["a1"])
	require.Contains(t, run("reseal", "--json").out, `"current": 1`)
	require.Contains(t, run("retire", path).out, "--yes")
	require.Equal(t, 1, readRing(t, path).OlderSealingKeys(), "not without being told to")
	require.Zero(t, run("retire", path, "--yes").status)

	retired := readRing(t, path)
	require.Zero(t, retired.OlderSealingKeys())
	key, err := retired.Open(server.sealed["a1"], workflows.APIKeyContext("w9", "a1")...)
	require.NoError(t, err)
	require.Equal(t, apiKey, string(key))
	_, err = retired.Open(old, workflows.APIKeyContext("w9", "a1")...)
	require.ErrorIs(t, err, keyring.ErrOpen)
}

func TestAKeyThatCannotBeResealedIsNamedAndTheOthersAreResealed(t *testing.T) {
	t.Parallel()
	ring, keys := newKeys(t)
	foreign, err := keyring.Generate()
	require.NoError(t, err)
	lost, err := foreign.Seal([]byte(apiKey), workflows.APIKeyContext("w9", "lost")...)
	require.NoError(t, err)
	good, err := ring.Seal([]byte(apiKey), workflows.APIKeyContext("w9", "good")...)
	require.NoError(t, err)
	server := &holding{sealed: map[string][]byte{"lost": lost, "good": good}}
	dial := server.dial(t)
	for _, step := range []string{"stage", "promote"} {
		require.Zero(t, command(t, nil, "keys", step, keys[len("SIGNALBOX_KEYRING="):]).status)
	}

	got := commandWith(t, []string{keys}, dial, "keys", "reseal")
	require.Equal(t, 4, got.status)
	require.Contains(t, got.out, "1 API keys were sealed anew")
	require.Contains(t, got.err, "lost")
	require.Equal(t, lost, server.sealed["lost"])
	require.NotEqual(t, good, server.sealed["good"])
	require.NotContains(t, got.out+got.err, apiKey)

	require.Equal(t, 2, commandWith(t, nil, dial, "keys", "reseal").status, "no keyring")
	require.Equal(t, 2, commandWith(t, []string{keys}, dial, "keys", "retire", filepath.Join(t.TempDir(), "none.json")).status)
}

func TestKeysThatBodiesNeedAreNotRetired(t *testing.T) {
	t.Parallel()
	d := newTestInbox(t)
	keys := d.environ[1][len("SIGNALBOX_KEYRING="):]
	quarantined := d.addTo(t, inbox.Delivery{Provider: artmail.Name, Scope: "w9", State: inbox.StateQuarantined}, `{}`)
	pending := d.addTo(t, inbox.Delivery{Provider: artmail.Name, Lane: "w9/1", State: inbox.StatePending}, `{}`)
	for _, step := range []string{"stage", "promote"} {
		require.Zero(t, command(t, nil, "keys", step, keys).status)
	}
	d.keys = readRing(t, keys)
	d.addTo(t, inbox.Delivery{Provider: artmail.Name, State: inbox.StateDead}, `sealed by the new key`)

	dial := (&holding{}).dial(t)
	process := testProcess(d.environ, dial, storage.OpenExisting)
	// An hour later, so that what a purge removes by its age is certain.
	process.now = func() time.Time { return time.Now().Add(time.Hour) }
	retire := func(more ...string) result {
		return process.result(t, append([]string{"keys", "retire", keys, "--yes"}, more...))
	}
	got := retire("--keep-bodies", "48h", "--keep-rows", "0")
	require.Equal(t, 4, got.status, got.err)
	require.Regexp(t, `1 pending, which stay until they are handed to their workflows.*list --state pending --until 20`, got.err)
	require.Regexp(t, `1 delivered, whose retention ends by 20.*--keep-bodies 48h0m0s.*list --state delivered --until 20.*purge --bodies-before 1h\d+m\d+s`, got.err)
	require.Regexp(t, `1 dead, .*\n1 quarantined, which stay for ever \(--keep-rows 0\).*list --state quarantined --until 20.*purge --rows-before 1h\d+m\d+s`, got.err)
	require.Equal(t, 1, readRing(t, keys).OlderSealingKeys(), "--yes does not skip it")

	// The commands that it names do what it says of them.
	run := func(named string) string {
		t.Helper()
		found := regexp.MustCompile("`signalbox (" + named + "[^`]*)`").FindStringSubmatch(got.err)
		require.NotNil(t, found, got.err)
		done := process.result(t, strings.Fields(found[1]))
		require.Zero(t, done.status, done.err)
		return done.out
	}
	require.Contains(t, run("inbox list --state pending"), pending)
	require.Contains(t, run("inbox list --state quarantined"), quarantined)
	run("inbox purge --bodies-before")
	require.NotContains(t, retire().err, "delivered,")
	require.Contains(t, retire().err, "1 quarantined, whose retention ends by")
	run("inbox purge --rows-before")
	got = retire()
	require.Equal(t, 4, got.status)
	require.NotContains(t, got.err, "quarantined")
	require.Contains(t, got.err, "1 pending")

	store, err := storage.OpenExisting(t.Context(), d.inbox)
	require.NoError(t, err)
	require.NoError(t, store.Settle(t.Context(), inbox.SettleRequest{
		Now: time.Now(), Settlements: []inbox.Settlement{inbox.Finish(pending, inbox.StateDelivered, "")},
	}))
	require.NoError(t, store.Close())
	got = retire()
	require.Contains(t, got.err, "1 delivered")
	run("inbox purge --bodies-before")
	got = retire()
	require.Zero(t, got.status, got.err)
	require.Zero(t, readRing(t, keys).OlderSealingKeys())
}

func TestRetireNeedsTheInbox(t *testing.T) {
	t.Parallel()
	_, keys := newKeys(t)
	path := keys[len("SIGNALBOX_KEYRING="):]
	for _, step := range []string{"stage", "promote"} {
		require.Zero(t, command(t, nil, "keys", step, path).status)
	}
	for where, status := range map[string]int{filepath.Join(filepath.Dir(path), "none.db"): 2, "postgres://u@127.0.0.1:1/d": 6} {
		got := commandWith(t, nil, (&holding{}).dial(t), "keys", "retire", path, "--yes", "--inbox", where)
		require.Equal(t, status, got.status, got.err)
		require.Contains(t, got.err, "nothing was done")
		require.Equal(t, 1, readRing(t, path).OlderSealingKeys())
	}
}
