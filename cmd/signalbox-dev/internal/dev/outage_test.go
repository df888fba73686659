package dev_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestEventsThatCameWhileTemporalWasAwayAreAppliedOnceAfterwards(t *testing.T) {
	t.Parallel()
	const activations, eventsEach = 100, 10
	folder := t.TempDir()
	keys, err := os.ReadFile(filepath.Join(shared.folder, "keyring.json"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "keyring.json"), keys, 0o600))
	instance, err := dev.Start(t.Context(), options(folder, &lockedBuffer{}))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, instance.Stop()) })

	require.NoError(t, instance.StopTemporal())
	name := func(n int) string { return fmt.Sprintf("act-%d", n) }
	statuses := sendActivations(activations, eventsEach, name, func(event string) int { return postArtmail(t, instance.IngressURL(), event) })
	for _, status := range statuses {
		require.Equal(t, 204, status, "acknowledged while Temporal is down")
	}

	require.NoError(t, instance.StartTemporal(t.Context()))
	for a := range activations {
		one := instance.Apps.Activation(dev.Agent, name(a))
		state := testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.EventsApplied >= eventsEach })
		// A signal whose answer came too late from the server that has just started is sent again, and counted apart.
		require.Equal(t, eventsEach, state.EventsApplied)
		require.Equal(t, workflows.ActivationPaused, state.Status)
	}
}
