package dev_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestTheAPIKeyIsNowhereInClear(t *testing.T) {
	t.Parallel()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	one := shared.Apps.Activation(dev.Agent, id)
	eventually(t, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })
	key, err := one.RevealAPIKey(t.Context())
	require.NoError(t, err)
	require.True(t, shared.Simulators.Artmail.HoldsAPIKey(id, key), "it is the key that Artmail showed")

	var history []byte
	events := shared.Temporal.GetWorkflowHistory(t.Context(), one.WorkflowID(), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		for _, payload := range event.GetWorkflowExecutionSignaledEventAttributes().GetInput().GetPayloads() {
			history = append(history, payload.GetData()...)
		}
		text, err := protojson.Marshal(event)
		require.NoError(t, err)
		history = append(history, text...)
	}
	require.Contains(t, string(history), "sealedApiKey", "the history was read")
	found := map[string][]byte{"history": history, "log": []byte(shared.log.String())}
	require.NoError(t, filepath.WalkDir(shared.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreVanished(err)
		}
		content, err := os.ReadFile(path)
		if err == nil {
			found[path] = content
		}
		return ignoreVanished(err)
	}))
	require.GreaterOrEqual(t, len(found), 5, "log, history, keyring, inbox and Temporal's database")

	// A protobuf payload holds JSON as it is; an exported one holds it in base64, whose shape depends on where the key begins.
	needles := [][]byte{[]byte(key)}
	for shift := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), key...))
		needles = append(needles, []byte(encoded[4:len(encoded)-4]))
	}
	for place, content := range found {
		for _, needle := range needles {
			require.False(t, bytes.Contains(content, needle), "%s holds the API key", place)
		}
	}
}

// ignoreVanished: other tests store files meanwhile, and what is only on its way has another name.
func ignoreVanished(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
