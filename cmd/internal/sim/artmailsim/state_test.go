package artmailsim_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestActivationsContinueAfterARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	opts := artmailsim.Options{StateFile: file}
	var id, gone, paused, messageID, runID, finished, key, body string
	var envelope artmailsim.Envelope
	var runs []artmailsim.RunRecord
	run(t, opts, func(t *testing.T, b bench) {
		envelope = b.Envelope()
		id = b.activate()
		body = b.receiver.Bodies()[0]
		key = b.keyOf(b.events()[0])
		gone, paused = b.activate(), b.activate()
		require.NoError(t, b.Deactivate(gone, artmailsim.DeactivateUser))
		require.NoError(t, b.Pause(paused, artmailsim.PauseUser))
		var err error
		runID, err = b.OpenRun(id)
		require.NoError(t, err)
		messageID, err = b.RequestApproval(id, "May I?", runID)
		require.NoError(t, err)
		finished, err = b.OpenRun(id)
		require.NoError(t, err)
		simtest.Pass(time.Second)
		require.NoError(t, b.FinishRun(finished), "the only change that is not saved yet")
	})

	run(t, opts, func(t *testing.T, b bench) {
		require.Equal(t, envelope, b.Envelope())
		require.Equal(t, artmailsim.Active, b.activation(id).Status)
		require.Equal(t, artmailsim.Deactivated, b.activation(gone).Status)
		require.NoError(t, b.Resume(paused))
		require.Equal(t, 200, b.call("GET", "/agent-api/messages/"+messageID, key, "").Status)
		_, err := b.RespondApproval(messageID, true, "", "")
		require.NoError(t, err)
		require.NoError(t, b.Redeliver(id, artmailsim.EventActivated))
		simtest.Pass(15 * time.Minute)
		require.Contains(t, b.receiver.Bodies(), body)
		runs = []artmailsim.RunRecord{
			{RunID: runID, Status: artmailsim.RunForceFailed}, {RunID: finished, Status: artmailsim.RunFinished},
		}
		require.Equal(t, runs, b.activation(id).Runs)
	})

	run(t, opts, func(t *testing.T, b bench) {
		require.Equal(t, runs, b.activation(id).Runs)
		require.NotNil(t, b.activation(id).Messages[0].Response)
		require.Equal(t, artmailsim.Active, b.activation(paused).Status)
	})
}

func TestStateFileIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	run(t, artmailsim.Options{StateFile: file}, func(t *testing.T, b bench) {
		b.activate()
		simtest.Pass(time.Second)
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds API keys")
	})
}

func TestASealedStateFileHoldsNoKeyInClearAndOpensAgain(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "state.sealed")
	options := artmailsim.Options{StateFile: file, StateSealer: ring}
	var id, key string
	run(t, options, func(t *testing.T, b bench) {
		id = b.activate()
		key = b.apiKey(id)
	})
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(content), key)
	require.NotContains(t, string(content), "activations")
	run(t, options, func(t *testing.T, b bench) { require.True(t, b.HoldsAPIKey(id, key)) })
}

func TestBrokenStateIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err := artmailsim.New(artmailsim.Options{
		Agents: []artmailsim.Agent{{Slug: agent, WebhookURL: webhookURL, Secret: secret}}, StateFile: file,
	})
	require.ErrorContains(t, err, "state file")
}
