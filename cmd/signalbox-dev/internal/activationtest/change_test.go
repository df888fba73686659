package activationtest_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The agent's configuration changes and the ingress is restarted: what runs already works by the new options, also after its run has ended.
func TestChangedOptionsReachARunningActivation(t *testing.T) {
	t.Parallel()
	const agent = "changed"
	before := workflows.ActivationOptions{StaleAfter: workflows.Duration(20 * time.Minute)}
	after := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour), CheckApprovalQueue: "changed-agent"}
	r := startReceiver(t, receiving{temporal: shared.temporal, agents: agents{agent: {secret}}, options: map[string]workflows.ActivationOptions{agent: before}})
	require.Equal(t, 204, post(t, r.url(agent), activated(0), secret))
	one := shared.apps.Activation(agent, activationID)
	state := testenv.Eventually(t, one.State, holdsKey)
	require.Equal(t, before.Normalized(), state.Options)
	memo := func(want workflows.ActivationOptions) {
		testenv.Eventually(t, func(ctx context.Context) (shown workflows.ActivationOptions, err error) {
			d, err := shared.temporal.DescribeWorkflowExecution(ctx, one.WorkflowID(), "")
			if err == nil {
				err = payloadtest.Options().DataConverter.FromPayload(d.GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoActivationOptions], &shown)
			}
			return shown, err
		}, func(shown workflows.ActivationOptions) bool { return shown == want.Normalized() })
	}
	memo(before)
	r.stop()

	// It is found once the server's visibility has it.
	testenv.Eventually(t, func(ctx context.Context) (int64, error) {
		counted, err := shared.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: "WorkflowId = '" + one.WorkflowID() + "'"})
		return counted.GetCount(), err
	}, func(n int64) bool { return n == 1 })
	startReceiver(t, receiving{temporal: shared.temporal, agents: agents{agent: {secret}}, options: map[string]workflows.ActivationOptions{agent: after}})
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Options == after.Normalized() })
	memo(after)

	stories.ContinueAsNew(t, shared.temporal, one.WorkflowID())
	state = stories.MustRetry(t, one.State)
	require.Equal(t, after.Normalized(), state.Options)
	memo(after)
}

// Keys are rotated, what lives for years is sealed anew, and the old key is retired: at no point is an API key out of reach.
func TestAnAPIKeyOutlivesTheKeyThatSealedIt(t *testing.T) {
	t.Parallel()
	const agent = "rotated"
	// Sealing anew walks over every activation of the namespace, so this one has its own server.
	server, err := temporaldev.Start(t.Context(), temporalOptions())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := server.Dial(t.Context(), payloadtest.Apply)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	ctx, cancel := context.WithCancel(context.Background())
	workers := make(chan error, 1)
	go func() { workers <- runWorkers(ctx, server) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-workers)
	})
	file := filepath.Join(t.TempDir(), "inbox.db")
	process := func(ring *keyring.Ring) (*receiver, *signalbox.Client) {
		apps, err := signalbox.New(temporal, signalbox.Options{Keyring: ring})
		require.NoError(t, err)
		return startReceiver(t, receiving{temporal: temporal, agents: agents{agent: {secret}}, ring: ring, file: file}), apps
	}
	requireKey := func(apps *signalbox.Client) {
		t.Helper()
		key := stories.MustRetry(t, apps.Activation(agent, activationID).RevealAPIKey)
		require.Equal(t, apiKey, key)
	}

	old, err := keyring.Generate()
	require.NoError(t, err)
	r, apps := process(old)
	require.Equal(t, 204, post(t, r.url(agent), activated(0), secret))
	testenv.Eventually(t, apps.Activation(agent, activationID).State, holdsKey)
	requireKey(apps)
	r.stop()

	staged, err := old.Stage()
	require.NoError(t, err)
	rotated, err := staged.Promote()
	require.NoError(t, err)
	r, apps = process(rotated)
	requireKey(apps)
	deliveries, err := r.list(t.Context(), agent)
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	kept, err := r.inbox.Get(t.Context(), deliveries[0].ID)
	require.NoError(t, err)
	body, err := rotated.Open(kept.Body, hook.BodyContext(kept.Provider, kept.Lane, kept.ID)...)
	require.NoError(t, err, "bodies open by the old key, until their retention ends")
	require.Equal(t, activated(0), string(body))

	reseal := func(ctx context.Context) (signalbox.Resealed, error) {
		return apps.ResealAPIKeys(ctx, signalbox.ResealOptions{})
	}
	testenv.Eventually(t, reseal, func(done signalbox.Resealed) bool { return done.Resealed+done.Current == 1 })
	require.Equal(t, signalbox.Resealed{Current: 1}, stories.MustRetry(t, reseal))
	requireKey(apps)
	stories.ContinueAsNew(t, temporal, apps.Activation(agent, activationID).WorkflowID())
	requireKey(apps)
	require.Equal(t, 204, post(t, r.url(agent), activated(0), secret), "Artmail sends it again")
	r.stop()

	retired, err := rotated.Retire()
	require.NoError(t, err)
	r, apps = process(retired)
	requireKey(apps)
	// The webhook's body is past its keeping as far as the keys are concerned; a later repetition is still told by its fingerprint.
	require.Equal(t, 204, post(t, r.url(agent), activated(0), secret))
	deliveries, err = r.list(t.Context(), agent)
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	require.GreaterOrEqual(t, deliveries[0].Duplicates, 2)
	require.LessOrEqual(t, deliveries[0].Duplicates, 2+int(busy.Load()))
	state := stories.MustRetry(t, apps.Activation(agent, activationID).State)
	require.True(t, retired.SealedByCurrent(state.SealedAPIKey))
	require.Empty(t, state.Attention)
}
