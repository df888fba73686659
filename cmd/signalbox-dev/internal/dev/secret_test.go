package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestTheAPIKeyIsNowhereInClear(t *testing.T) {
	t.Parallel()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(dev.Agent, id)
	state := testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })
	key := stories.MustRetry(t, one.RevealAPIKey)
	require.True(t, shared.Simulators.Artmail.HoldsAPIKey(id, key), "it is the key that Artmail showed")

	// One whose signature is wrong lies in the quarantine, and one whose event can't be used among the dead.
	const unverified, dead = "art_agent_of_the_quarantine", "art_agent_of_the_dead"
	agent := shared.IngressURL() + "/webhooks/artmail/" + dev.Agent
	require.Equal(t, 401, post(t, agent, artmailEvent(workflows.KindAgentActivated, "act-secret", 1, `,"apiKey":"`+unverified+`"`)))
	require.Equal(t, 204, postArtmail(t, shared.IngressURL(), `{"type":"agent.activated","apiKey":"`+dead+`"}`))

	// As the command line does, beside the process that receives.
	store, err := storage.OpenExisting(t.Context(), filepath.Join(shared.folder, "inbox.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	listed := testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) {
		return store.List(ctx, inbox.Filter{Provider: artmail.Name, Limit: inbox.MaxPage})
	}, func(l inbox.Page) bool {
		states := map[inbox.State]bool{}
		for _, d := range l.Deliveries {
			states[d.State] = true
		}
		return states[inbox.StateQuarantined] && states[inbox.StateDead]
	})
	document, err := os.ReadFile(filepath.Join(shared.folder, "keyring.json"))
	require.NoError(t, err)
	keys, err := keyring.Parse(document)
	require.NoError(t, err)
	var answers []byte
	add := func(answer any, err error) {
		t.Helper()
		require.NoError(t, err)
		text, err := json.Marshal(answer)
		require.NoError(t, err)
		answers = append(answers, text...)
	}
	add(listed, nil)
	bodies := 0
	for _, d := range listed.Deliveries {
		full, err := store.Get(t.Context(), d.ID)
		require.NoError(t, err)
		if len(full.Body) == 0 {
			continue // another test erased its activation
		}
		plain, err := keys.Open(full.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
		require.NoError(t, err)
		if d.State == inbox.StateQuarantined {
			_, _, plain = hook.Unpack(plain)
		}
		body, _, isJSON := hook.Redact(plain)
		add(body, nil)
		if isJSON {
			bodies++
		}
	}
	require.GreaterOrEqual(t, bodies, 3, "bodies were shown")
	add(state, nil)

	found := map[string][]byte{
		"history":                 exportedHistory(t, one.WorkflowID()),
		"log":                     []byte(shared.log.String()),
		"answers to the operator": answers,
		"metrics":                 get(t, shared.InternalURL()+"/metrics"),
		"simulator's controls":    get(t, shared.Simulators.ArtmailURL()+"/sim/activations"),
		"simulator's settings":    get(t, shared.Simulators.ArtmailURL()+"/sim/settings"),
	}
	require.Contains(t, string(found["metrics"]), "signalbox_artmail_bad_signatures_total")
	require.Contains(t, string(found["simulator's controls"]), id)
	// The simulator writes its state a moment after it changes.
	require.Eventually(t, func() bool {
		sealed, err := os.Stat(filepath.Join(shared.folder, "artmail-simulator.json"))
		return err == nil && sealed.Size() > 0
	}, processWithin, 20*time.Millisecond)
	require.NoError(t, filepath.WalkDir(shared.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreVanished(err)
		}
		content, err := readFromOutside(t, path)
		if err == nil {
			found[path] = content
		}
		return ignoreVanished(err)
	}))
	for _, file := range []string{"inbox.db", "inbox.db-wal", "temporal.db", "artmail-simulator.json", "keyring.json"} {
		require.NotEmpty(t, found[filepath.Join(shared.folder, file)], file)
	}
	for _, secret := range []string{key, unverified, dead} {
		for _, spelling := range stories.Spellings(secret) {
			for place, content := range found {
				require.False(t, bytes.Contains(content, []byte(spelling)), "%s holds %s", place, secret)
			}
		}
	}
}

func exportedHistory(t *testing.T, workflowID string) (history []byte) {
	t.Helper()
	for _, event := range stories.History(t, shared.Temporal, workflowID, "").GetEvents() {
		for _, payload := range event.GetWorkflowExecutionSignaledEventAttributes().GetInput().GetPayloads() {
			history = append(history, payload.GetData()...)
		}
		text, err := protojson.Marshal(event)
		require.NoError(t, err)
		history = append(history, text...)
	}
	if payloadtest.Keys() == nil { // encrypted, nothing can be read
		require.Contains(t, string(history), "sealedApiKey", "the history was read")
	}
	require.NotEmpty(t, history)
	return history
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	body, err := fetch(t.Context(), url)
	require.NoError(t, err)
	return body
}

// fetch is get for what may fail and is asked again.
func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := providers.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// ignoreVanished: other tests store files meanwhile, and what is only on its way has another name.
func ignoreVanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
