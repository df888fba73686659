package dev_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
)

func TestTroubleThatCanNotBeIsRefusedWithItsFlag(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &lockedBuffer{})
	o.Trouble = dev.Trouble{OffloadCalls: []string{"create:explode"}, OffloadWebhooks: []string{"burst"}, ArtmailWebhooks: []string{"drop=2"}}
	_, err := dev.Start(t.Context(), o)
	require.ErrorContains(t, err, `--offload-call: unknown failure "explode"`)
	require.ErrorContains(t, err, `--offload-webhook: "burst": unknown fault "burst"`)
	require.ErrorContains(t, err, `--artmail-webhook: "drop=2": "2" is no probability`)
}
