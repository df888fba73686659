package activationtest_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// A secret is mistyped for longer than Artmail tries: it gives up each event and pauses every activation that had one. The four hours of
// its queue pass in two seconds.
func TestAWrongSecretLosesNoKeyAndNoAnswer(t *testing.T) {
	t.Parallel()
	const agent, count, wrong = "mistyped", 4, "a mistyped secret"
	const attempts = 1 + 3 + 3 // at once, directly, and by the queue
	file := filepath.Join(t.TempDir(), "inbox.db")
	address, err := setting.FreeAddress() // the same after each restart
	require.NoError(t, err)
	start := func(secret string) *receiver {
		return startReceiver(t, receiving{temporal: shared.temporal, agents: agents{agent: {secret}}, file: file, address: address})
	}
	r := start(secret)
	sim := simulate(t, artmailsim.Options{
		TimeScale: 1e-4,
		Agents:    []artmailsim.Agent{{Slug: agent, WebhookURL: r.url(agent), Secret: secret}},
	})
	approvals := map[string]string{} // message by activation
	for range count {
		id, err := sim.Activate(agent)
		require.NoError(t, err)
		one := shared.apps.Activation(agent, id)
		testenv.Eventually(t, one.State, inStatus(workflows.ActivationActive))
		approvals[id], err = sim.RequestApproval(id, "May I?", "")
		require.NoError(t, err)
		stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: approvals[id]})
	}

	r.stop()
	r = start(wrong)
	for range count {
		_, err := sim.Activate(agent)
		require.NoError(t, err)
	}
	for _, message := range approvals {
		_, err := sim.RespondApproval(message, true, "", "")
		require.NoError(t, err)
	}
	forged := activated(0)
	require.Equal(t, 401, post(t, r.url(agent), forged, "a forger's guess"))
	for _, a := range sim.Activations() {
		testenv.Eventually(t, func(context.Context) (artmailsim.Record, error) { return sim.Activation(a.ActivationID) },
			func(a artmailsim.Record) bool { return tries(a, artmailsim.EventPaused) == attempts })
	}
	for _, a := range sim.Activations() {
		require.Equal(t, artmailsim.PauseWebhookFailure, a.PauseReason)
		_, live := approvals[a.ActivationID]
		for _, attempt := range a.Webhooks {
			if !live || attempt.Event != artmailsim.EventActivated {
				// The others are of a busy machine; 0 is an answer that came too late: an attempt has two seconds.
				require.Contains(t, []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusRequestTimeout, 0}, attempt.Status)
			}
		}
	}
	r.stop() // what was refused is on disk by then

	r = start(secret)
	refused, err := release(t, r, agents{agent: {wrong}})
	require.NoError(t, err)
	const events = 2 * count * 2 // agent.activated or approval_response, and agent.paused
	require.Equal(t, ingress.Released{Refused: events + 1}, refused, "all of it was kept, and nothing gets in by the wrong secret")
	released, err := release(t, r, agents{agent: {secret}})
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: events, Refused: 1}, released)
	left, err := r.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.StateQuarantined}})
	require.NoError(t, err)
	require.Len(t, left.Deliveries, 1, "the forgery")

	// One stays as Artmail has left it, one is ended, the brands resume the others.
	for i, a := range sim.Activations() {
		switch i {
		case 0, count:
		case 1, count + 1:
			require.NoError(t, sim.Deactivate(a.ActivationID, artmailsim.DeactivateUser))
		default:
			require.NoError(t, sim.Resume(a.ActivationID))
		}
	}
	standing := map[artmailsim.Status]workflows.ActivationStatus{
		artmailsim.Active: workflows.ActivationActive, artmailsim.Paused: workflows.ActivationPaused, artmailsim.Deactivated: workflows.ActivationDeactivated,
	}
	for _, a := range sim.Activations() {
		one := shared.apps.Activation(agent, a.ActivationID)
		state := testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Status == standing[a.Status] })
		// The relay sends a signal again that Temporal answers too late, which counts as a duplicate.
		require.Zero(t, state.LateEvents)
		if a.Status == artmailsim.Paused {
			require.Equal(t, artmailsim.PauseWebhookFailure, state.StatusReason)
			require.Contains(t, state.Attention, workflows.AttentionPausedByFailure)
		}
		if message, live := approvals[a.ActivationID]; live {
			require.Equal(t, workflows.ApprovalApproved, approval(state, message).Status)
		}
		if a.Status == artmailsim.Deactivated {
			require.Empty(t, state.SealedAPIKey)
			continue
		}
		key := stories.MustRetry(t, one.RevealAPIKey)
		require.True(t, sim.HoldsAPIKey(a.ActivationID, key), "the key that was shown once")
	}
}

// While the secret is wrong, anybody's forgeries fill the quarantine beside Artmail's events, many times over what it holds.
func TestAFloodOfForgeriesWhileTheSecretIsWrongLosesNoKey(t *testing.T) {
	t.Parallel()
	const agent, count, flood = "flooded", 20, 1500
	file := filepath.Join(t.TempDir(), "inbox.db")
	r := startReceiver(t, receiving{temporal: shared.temporal, agents: agents{agent: {"a mistyped secret"}}, file: file})
	sim := simulate(t, artmailsim.Options{
		TimeScale: 1e-4,
		Agents:    []artmailsim.Agent{{Slug: agent, WebhookURL: r.url(agent), Secret: secret}},
	})
	for range count {
		_, err := sim.Activate(agent)
		require.NoError(t, err)
	}
	for n := range flood {
		body := event(workflows.KindApprovalResponse, n, `,"messageId":"forged","inResponseToId":"m1","approved":true`)
		// Many from one source get 429; whether they are quarantined does not depend on that.
		require.Contains(t, []int{401, 429}, post(t, r.url(agent), body, "a forger's guess"))
	}
	for _, a := range sim.Activations() {
		testenv.Eventually(t, func(context.Context) (artmailsim.Record, error) { return sim.Activation(a.ActivationID) },
			func(a artmailsim.Record) bool { return a.Status == artmailsim.Paused })
	}
	r.stop()

	r = startReceiver(t, receiving{temporal: shared.temporal, agents: agents{agent: {secret}}, file: file})
	kept, err := r.inbox.Counts(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, kept[inbox.StateQuarantined], int64(500), "it is bounded")
	_, err = release(t, r, agents{agent: {secret}})
	require.NoError(t, err)
	for _, a := range sim.Activations() {
		one := shared.apps.Activation(agent, a.ActivationID)
		testenv.Eventually(t, one.State, holdsKey)
		key := stories.MustRetry(t, one.RevealAPIKey)
		require.True(t, sim.HoldsAPIKey(a.ActivationID, key), "the key that was shown once")
	}
}

func release(t *testing.T, r *receiver, secrets agents) (ingress.Released, error) {
	t.Helper()
	releaser, err := ingress.NewReleaser(secrets, shared.ring, r.inbox, time.Now)
	require.NoError(t, err)
	return releaser.Release(t.Context(), "")
}

// tries counts the attempts to deliver one kind of event.
func tries(a artmailsim.Record, event string) (n int) {
	for _, attempt := range a.Webhooks {
		if attempt.Event == event {
			n++
		}
	}
	return n
}
