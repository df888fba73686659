package artmailsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier/couriertest"
)

func TestAgentRequestsAnApprovalAndFindsTheAnswer(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		key := b.apiKey(id)
		opened := b.call("POST", "/agent-api/runs", key, "")
		require.Equal(t, 201, opened.status)
		runID := as[string](opened.body["runId"])
		posted := b.call("POST", "/agent-api/messages", key, `{"type":"APPROVAL_REQUEST","text":"May I?","runId":"`+runID+`"}`)
		require.Equal(t, 201, posted.status)
		messageID := as[string](posted.body["messageId"])
		path := "/agent-api/messages/" + messageID
		require.Nil(t, b.call("GET", path, key, "").body["response"])

		_, err := b.RespondApproval(messageID, false, "No", "")
		require.NoError(t, err)
		answer := as[map[string]any](b.call("GET", path, key, "").body["response"])
		require.Equal(t, map[string]any{
			"messageId": b.lastEvent()["messageId"], "inResponseToId": messageID, "approved": false, "reason": "No", "runId": runID,
		}, answer)

		require.Equal(t, 204, b.call("POST", "/agent-api/runs/"+runID+"/heartbeat", key, "").status)
		require.Equal(t, 204, b.call("POST", "/agent-api/runs/"+runID+"/finish", key, "").status)
		require.Equal(t, 409, b.call("POST", "/agent-api/runs/"+runID+"/finish", key, "").status)
		for _, body := range []string{"{", `{"type":"NOTE","text":"x"}`, `{"type":"APPROVAL_REQUEST"}`} {
			require.Equal(t, 400, b.call("POST", "/agent-api/messages", key, body).status, body)
		}

		other := b.activate()
		otherKey := b.apiKey(other)
		require.Equal(t, 404, b.call("GET", path, otherKey, "").status, "another brand's message")
		require.Equal(t, 404, b.call("POST", "/agent-api/runs/"+runID+"/heartbeat", otherKey, "").status)
	})
}

func TestAPIKeyWorksUntilTheActivationIsDeactivated(t *testing.T) {
	t.Parallel()
	for _, stops := range []bool{false, true} {
		run(t, artmailsim.Options{
			Envelope: plain, Undocumented: artmailsim.Undocumented{KeyStopsWhilePaused: stops},
		}, func(t *testing.T, b bench) {
			id := b.activate()
			key := b.apiKey(id)
			message := func(key string) int {
				return b.call("POST", "/agent-api/messages", key, `{"type":"APPROVAL_REQUEST","text":"?"}`).status
			}
			require.Equal(t, 401, message(""))
			require.Equal(t, 401, message("unknown"))
			require.Equal(t, 201, message(key))
			require.NoError(t, b.Pause(id, artmailsim.PauseUser))
			require.Equal(t, map[bool]int{false: 201, true: 403}[stops], message(key))
			require.NoError(t, b.Deactivate(id, artmailsim.DeactivateUser))
			require.Equal(t, 401, message(key))
		})
	}
}

func TestControlAPITakesAnActivationThroughItsLife(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		do := func(path, body string, status int) map[string]any {
			t.Helper()
			got := b.call("POST", "/sim/"+path, "", body)
			require.Equal(t, status, got.status, "%s: %v", path, got.body)
			synctest.Wait()
			return got.body
		}
		activated := do("agents/pages/activate", "", 200)
		id := as[string](activated["activationId"])
		require.NotContains(t, activated, "apiKey")
		runs := as[[]any](do("activations/"+id+"/open-run", "", 200)["runs"])
		runID := as[string](as[map[string]any](runs[0])["runId"])
		messages := as[[]any](do("activations/"+id+"/approval-request", `{"text":"May I?","runId":"`+runID+`"}`, 200)["messages"])
		messageID := as[string](as[map[string]any](messages[0])["messageId"])
		do("messages/"+messageID+"/respond", `{"approved":true}`, 200)
		require.Equal(t, messageID, b.lastEvent()["inResponseToId"])
		do("activations/"+id+"/approval-response", `{"inResponseToId":"x","approved":false,"reason":"r","runId":"y"}`, 200)
		require.Equal(t, "y", b.lastEvent()["runId"])
		do("runs/"+runID+"/touch", "", 204)
		do("runs/"+runID+"/force-fail", "", 204)
		do("runs/"+runID+"/finish", "", 409)
		do("activations/"+id+"/pause", `{"reason":"bored"}`, 400)
		do("activations/"+id+"/pause", `{"reason":"user_paused"}`, 200)
		do("activations/"+id+"/resume", "", 200)
		do("activations/"+id+"/redeliver", `{"event":"agent.paused"}`, 200)
		require.Equal(t, "agent.paused", b.lastEvent()["type"])
		do("activations/"+id+"/deactivate", `{"reason":"user_deactivated"}`, 200)
		do("activations/"+id+"/resume", "", 409)
		do("activations/nope/resume", "", 404)
		do("agents/nope/activate", "", 404)
		brief := as[string](do("agents/pages/activate", "", 200)["activationId"])
		do("activations/latest/pause", "", 200)
		do("activations/latest/resume", "", 200)
		do("activations/latest/open-run", "", 200)
		do("activations/latest/approval-request", "", 200)
		do("messages/latest/respond", "", 200)
		do("runs/latest/finish", "", 204)
		require.Equal(t, brief, do("activations/latest/deactivate", "", 200)["activationId"])
		do("messages/nope/respond", "", 404)
		do("runs/nope/touch", "", 404)
		do("agents/pages/test-ping", `{"note":"n"}`, 204)
		do("agents/pages/test-ping", `{"notes":"n"}`, 400)
		require.Equal(t, "n", b.lastEvent()["note"])
		require.Equal(t, 204, b.call("PUT", "/sim/agents/pages", "", `{"secret":"s"}`).status)
		require.Equal(t, 200, b.call("GET", "/sim/activations", "", "").status)
		require.Equal(t, 200, b.call("GET", "/sim/test-pings", "", "").status)
		require.Equal(t, "deactivated", b.call("GET", "/sim/activations/"+id, "", "").body["status"])
	})
}

func TestControlAPISetsWhatGoesWrong(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		faults := func(method, fault string, status int) {
			t.Helper()
			require.Equal(t, status, b.call(method, "/sim/webhook-faults"+fault, "", "").status)
		}
		faults("POST", "/repeat=1", 204)
		faults("POST", "/drop", 204)
		b.activate()
		require.Empty(t, b.receiver.Received())
		couriertest.Pass(time.Second)
		require.Len(t, b.receiver.Received(), 1, "a retry is not repeated")
		b.activate()
		require.Len(t, b.receiver.Received(), 3)
		faults("DELETE", "", 204)
		b.activate()
		require.Len(t, b.receiver.Received(), 4)
		faults("POST", "/explode=1", 400)
	})
}
