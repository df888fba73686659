package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

func TestTheAppAnswersTheQuestionAndPrintsTheOutcome(t *testing.T) {
	t.Parallel()
	_, fake := signalboxtest.New(t, signalbox.Options{})
	var out strings.Builder
	ended := make(chan error, 1)
	go func() { ended <- obtain(t.Context(), fake.Temporal(), "vendor_1024", &out) }()
	question := fake.Ask("vendor_1024", "Is a signed PDF fine?")
	require.Equal(t, "Yes, a signed PDF is fine.", fake.AwaitAnswer("vendor_1024", question))
	fake.Complete("vendor_1024", map[string]any{"signed": true})
	require.NoError(t, <-ended)
	require.Equal(t, "vendor_1024 COMPLETED: {\"signed\":true}\n", out.String())
}
