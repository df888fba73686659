package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
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

// askingLater is a client whose first read shows a case that asks, while Offload has not said what.
type askingLater struct {
	client.Client

	now        time.Time
	once, read sync.Once
	asks       chan error // closed after the first read
}

func (a *askingLater) QueryWorkflowWithOptions(ctx context.Context, r *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	a.once.Do(func() {
		event := workflows.CaseEvent{
			EventMeta: workflows.EventMeta{DeliveryID: "d1", DedupeKey: "d1", Kind: workflows.KindCaseInputNeeded, OccurredAt: a.now, ReceivedAt: a.now},
			Facts:     workflows.CaseFacts{CaseID: "case-vendor_1024", Status: workflows.OffloadInputNeeded},
		}
		a.asks <- a.SignalWorkflow(ctx, r.WorkflowID, "", workflows.SignalOffloadEvents, []workflows.CaseEvent{event})
	})
	answer, err := a.Client.QueryWorkflowWithOptions(ctx, r)
	a.read.Do(func() { close(a.asks) })
	return answer, err
}

func TestTheAppWaitsForAQuestionThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	_, fake := signalboxtest.New(t, signalbox.Options{})
	temporal := &askingLater{Client: fake.Temporal(), now: fake.Now(), asks: make(chan error, 1)}
	var out strings.Builder
	ended := make(chan error, 1)
	go func() { ended <- obtain(t.Context(), temporal, "vendor_1024", &out) }()
	for err := range temporal.asks {
		require.NoError(t, err)
	}
	fake.AwaitAnswer("vendor_1024", fake.Ask("vendor_1024", "Is a signed PDF fine?"))
	fake.Complete("vendor_1024", nil)
	require.NoError(t, <-ended)
}
