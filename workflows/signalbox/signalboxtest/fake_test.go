package signalboxtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest/conformance"
)

func TestTheFakeBehavesAsTheRealOne(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	apps, fake := signalboxtest.New(t, signalbox.Options{Keyring: ring})
	t.Run("suite", func(t *testing.T) { //nolint:paralleltest // the fake ends with the outer test
		conformance.Run(t, conformance.World{
			Apps: apps, Provider: fake.Provider, Terminate: func(_ *testing.T, workflowID string) { fake.Terminate(workflowID) },
		})
	})
}
