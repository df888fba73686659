package artmailsim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestEventsCarryTheDocumentedFields(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		expect := func(event string, extra map[string]any) {
			t.Helper()
			got := b.lastEvent()
			want := map[string]any{"type": event, "activationId": id, "timestamp": got["timestamp"]}
			for name, value := range extra {
				want[name] = value
			}
			require.Equal(t, want, got)
		}
		activated := b.lastEvent()
		require.True(t, b.HoldsAPIKey(id, simtest.As[string](activated["apiKey"])))
		require.False(t, b.HoldsAPIKey(id, "another"))
		require.ElementsMatch(t, []string{"id", "email"}, keys(simtest.As[map[string]any](activated["user"])))
		expect("agent.activated", map[string]any{"apiKey": activated["apiKey"], "user": activated["user"]})

		runID, err := b.OpenRun(id)
		require.NoError(t, err)
		message, err := b.RequestApproval(id, "May I?", runID)
		require.NoError(t, err)
		response, err := b.RespondApproval(message, true, "", "")
		require.NoError(t, err)
		expect("approval_response", map[string]any{
			"messageId": response, "inResponseToId": message, "approved": true, "reason": nil, "runId": runID,
		})
		response, err = b.SendApprovalResponse(id, "msg_early", false, "Not now", "")
		require.NoError(t, err)
		expect("approval_response", map[string]any{
			"messageId": response, "inResponseToId": "msg_early", "approved": false, "reason": "Not now", "runId": nil,
		})
		require.NoError(t, b.ForceFailRun(runID))
		expect("run_force_failed", map[string]any{"runId": runID, "reason": "stale", "staleMinutes": 15.0})
		require.NoError(t, b.Pause(id, artmailsim.PauseUser))
		expect("agent.paused", map[string]any{"reason": "user_paused"})
		require.NoError(t, b.Resume(id))
		expect("agent.resumed", nil)
		require.NoError(t, b.Deactivate(id, artmailsim.DeactivateAdminRevoke))
		expect("agent.deactivated", map[string]any{"reason": "admin_revoke", "apiKeyRevoked": true})

		id = "test"
		require.NoError(t, b.TestPing(agent, ""))
		expect("test.ping", map[string]any{"note": nil})
		require.NoError(t, b.TestPing(agent, "hello"))
		expect("test.ping", map[string]any{"note": "hello"})
		require.Len(t, b.TestPings(), 2)
	})
}

func keys(object map[string]any) []string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	return names
}

func TestEveryEventIsSignedOverItsRawBody(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		b.activate()
		require.NoError(t, b.TestPing(agent, ""))
		synctest.Wait()
		require.NoError(t, b.SetAgent(agent, "", "rotated"))
		b.activate()
		received := b.receiver.Received()
		require.Len(t, received, 3)
		for i, key := range []string{secret, secret, "rotated"} {
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(received[i].Body))
			require.Equal(t, hex.EncodeToString(mac.Sum(nil)), received[i].Header.Get("X-Artmail-Signature"))
			require.Equal(t, "application/json", received[i].Header.Get("Content-Type"))
			require.Equal(t, webhookURL, received[i].URL)
		}
	})
}

func TestEnvelopeHasTheChosenShape(t *testing.T) {
	t.Parallel()
	for _, discriminator := range []string{"type", "event", "eventType", "event_type"} {
		for _, nesting := range []string{artmailsim.AtTop, artmailsim.UnderData} {
			for _, format := range []string{artmailsim.TimeISO, artmailsim.TimeSeconds, artmailsim.TimeMilliseconds} {
				shape := artmailsim.Envelope{Discriminator: discriminator, Nesting: nesting, Timestamp: format}
				run(t, artmailsim.Options{Envelope: shape}, func(t *testing.T, b bench) {
					id := b.activate()
					require.NoError(t, b.Pause(id, artmailsim.PauseUser))
					got := b.lastEvent()
					require.Equal(t, "agent.paused", got[discriminator])
					require.Equal(t, id, got["activationId"])
					extra := got
					if nesting == artmailsim.UnderData {
						extra = simtest.As[map[string]any](got["data"])
						require.NotContains(t, got, "reason")
					}
					require.Equal(t, "user_paused", extra["reason"])
					at := b.receiver.Received()[1].At
					switch format {
					case artmailsim.TimeSeconds:
						require.InDelta(t, at.Unix(), got["timestamp"], 1)
					case artmailsim.TimeMilliseconds:
						require.InDelta(t, at.UnixMilli(), got["timestamp"], 1)
					default:
						parsed, err := time.Parse(time.RFC3339, simtest.As[string](got["timestamp"]))
						require.NoError(t, err)
						require.WithinDuration(t, at, parsed, time.Millisecond)
					}
				})
			}
		}
	}
}

func TestOpenShapesAreDrawnOnceForTheWholeRun(t *testing.T) {
	t.Parallel()
	seen := map[artmailsim.Envelope]bool{}
	for seed := range uint64(60) {
		run(t, artmailsim.Options{Seed: seed + 1}, func(t *testing.T, b bench) {
			seen[b.Envelope()] = true
			b.activate()
			b.activate()
			for _, event := range b.events() {
				require.Equal(t, "agent.activated", event[b.Envelope().Discriminator])
			}
		})
	}
	require.Greater(t, len(seen), 12, "of 24 shapes")
	_, err := artmailsim.New(artmailsim.Options{
		Agents:   []artmailsim.Agent{{Slug: agent, WebhookURL: webhookURL, Secret: secret}},
		Envelope: artmailsim.Envelope{Discriminator: "kind"},
	})
	require.ErrorContains(t, err, `"kind"`)
}

func TestTimesOfAnActivationsEventsDiffer(t *testing.T) {
	t.Parallel()
	for _, format := range []string{artmailsim.TimeISO, artmailsim.TimeSeconds, artmailsim.TimeMilliseconds} {
		run(t, artmailsim.Options{Envelope: artmailsim.Envelope{Timestamp: format}}, func(t *testing.T, b bench) {
			id := b.activate()
			for range 5 { // at one instant
				require.NoError(t, b.Pause(id, artmailsim.PauseUser))
				require.NoError(t, b.Resume(id))
			}
			seen := map[any]bool{}
			for _, event := range b.events() {
				seen[event["timestamp"]] = true
			}
			require.Len(t, seen, 11)
		})
	}
}

func TestStepsThatTheStatusDoesNotAllowAreRefused(t *testing.T) {
	t.Parallel()
	steps := map[string]func(b bench, id string) error{
		"pause":      func(b bench, id string) error { return b.Pause(id, artmailsim.PausePlanDowngrade) },
		"resume":     func(b bench, id string) error { return b.Resume(id) },
		"deactivate": func(b bench, id string) error { return b.Deactivate(id, artmailsim.DeactivateUser) },
		"open run":   func(b bench, id string) error { _, err := b.OpenRun(id); return err },
		"request":    func(b bench, id string) error { _, err := b.RequestApproval(id, "?", ""); return err },
	}
	for _, test := range []struct {
		reach, refused []string
	}{
		{nil, []string{"resume"}},
		{[]string{"pause"}, []string{"pause", "open run"}},
		{[]string{"deactivate"}, []string{"pause", "resume", "deactivate", "open run", "request"}},
	} {
		run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
			for name, step := range steps {
				id := b.activate()
				for _, before := range test.reach {
					require.NoError(t, steps[before](b, id))
				}
				refused := false
				for _, r := range test.refused {
					refused = refused || r == name
				}
				if err := step(b, id); refused {
					require.ErrorIs(t, err, simbase.ErrTransition, "%s after %v", name, test.reach)
				} else {
					require.NoError(t, err, "%s after %v", name, test.reach)
				}
				require.ErrorIs(t, step(b, "nope"), simbase.ErrUnknown)
			}
		})
	}
}

func TestUndocumentedReasonsAreRefused(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		id := b.activate()
		require.ErrorIs(t, b.Pause(id, "bored"), artmailsim.ErrReason)
		require.ErrorIs(t, b.Deactivate(id, "bored"), artmailsim.ErrReason)
		require.Equal(t, artmailsim.Active, b.activation(id).Status)
	})
}

func TestAnIncompleteAgentIsRefused(t *testing.T) {
	t.Parallel()
	for name, agents := range map[string][]artmailsim.Agent{
		"none":      nil,
		"no slug":   {{WebhookURL: webhookURL, Secret: secret}},
		"no URL":    {{Slug: agent, Secret: secret}},
		"no secret": {{Slug: agent, WebhookURL: webhookURL}},
	} {
		_, err := artmailsim.New(artmailsim.Options{Agents: agents})
		require.Error(t, err, name)
	}
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		_, err := b.Activate("other")
		require.ErrorIs(t, err, simbase.ErrUnknown)
		require.ErrorIs(t, b.TestPing("other", ""), simbase.ErrUnknown)
		require.ErrorIs(t, b.SetAgent("other", "", ""), simbase.ErrUnknown)
		require.NoError(t, b.SetAgent(agent, "http://moved.test/", ""))
		b.activate()
		require.Equal(t, "http://moved.test/", b.receiver.Received()[0].URL)
	})
}
