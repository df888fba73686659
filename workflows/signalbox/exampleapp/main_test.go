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

// outrun calls before ahead of the first update, as if a person were faster.
type outrun struct {
	client.Client

	once   sync.Once
	before func() error
	// tried is closed after the first update.
	tried chan struct{}
}

func (o *outrun) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	first := false
	var err error
	o.once.Do(func() { first, err = true, o.before() })
	if err != nil {
		return nil, err
	}
	handle, err := o.Client.UpdateWorkflow(ctx, options)
	if first {
		close(o.tried)
	}
	return handle, err
}

func TestTheAppGoesOnIfAnotherAnswersFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(fake *signalboxtest.Fake, person *signalbox.Case, question string) error
		out    string
	}{
		"a person answers": {func(_ *signalboxtest.Fake, person *signalbox.Case, question string) error {
			_, err := person.ProvideInput(t.Context(), workflows.ProvideInput{QuestionID: question, Text: "No.", By: "ann"})
			return err
		}, "vendor_1024 COMPLETED: {\"signed\":true}\n"},
		"a person cancels": {func(_ *signalboxtest.Fake, person *signalbox.Case, _ string) error {
			_, err := person.Cancel(t.Context(), workflows.CancelCase{By: "ann"})
			return err
		}, "vendor_1024 CANCELLED: \n"},
		"Offload asks another question": {func(fake *signalboxtest.Fake, _ *signalbox.Case, _ string) error {
			fake.Ask("vendor_1024", "Or a scan?")
			return nil
		}, "vendor_1024 COMPLETED: {\"signed\":true}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apps, fake := signalboxtest.New(t, signalbox.Options{})
			asked := make(chan string, 1)
			temporal := &outrun{Client: fake.Temporal(), before: func() error { return c.before(fake, apps.Case("vendor_1024"), <-asked) }, tried: make(chan struct{})}
			var out strings.Builder
			ended := make(chan error, 1)
			go func() { ended <- obtain(t.Context(), temporal, "vendor_1024", &out) }()
			question := fake.Ask("vendor_1024", "Is a signed PDF fine?")
			asked <- question
			select {
			case <-temporal.tried:
			case err := <-ended:
				require.Fail(t, "the app ended before", "%v", err)
			}
			if !strings.Contains(c.out, "CANCELLED") {
				fake.Complete("vendor_1024", map[string]any{"signed": true})
			}
			require.NoError(t, <-ended)
			require.Equal(t, c.out, out.String())
		})
	}
}
