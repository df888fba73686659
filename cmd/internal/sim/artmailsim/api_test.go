package artmailsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestAgentRequestsAnApprovalAndFindsTheAnswer(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		key := b.apiKey(id)
		opened := b.call("POST", "/agent-api/runs", key, "")
		require.Equal(t, 201, opened.Status)
		runID := simtest.As[string](opened.Body["runId"])
		posted := b.call("POST", "/agent-api/messages", key, `{"type":"APPROVAL_REQUEST","text":"May I?","runId":"`+runID+`"}`)
		require.Equal(t, 201, posted.Status)
		messageID := simtest.As[string](posted.Body["messageId"])
		path := "/agent-api/messages/" + messageID
		require.Nil(t, b.call("GET", path, key, "").Body["response"])

		_, err := b.RespondApproval(messageID, false, "No", "")
		require.NoError(t, err)
		answer := simtest.As[map[string]any](b.call("GET", path, key, "").Body["response"])
		require.Equal(t, map[string]any{
			"messageId": b.lastEvent()["messageId"], "inResponseToId": messageID, "approved": false, "reason": "No", "runId": runID,
		}, answer)

		require.Equal(t, 204, b.call("POST", "/agent-api/runs/"+runID+"/heartbeat", key, "").Status)
		require.Equal(t, 204, b.call("POST", "/agent-api/runs/"+runID+"/finish", key, "").Status)
		require.Equal(t, 409, b.call("POST", "/agent-api/runs/"+runID+"/finish", key, "").Status)
		for _, body := range []string{"{", `{"type":"NOTE","text":"x"}`, `{"type":"APPROVAL_REQUEST"}`} {
			require.Equal(t, 400, b.call("POST", "/agent-api/messages", key, body).Status, body)
		}

		other := b.activate()
		otherKey := b.apiKey(other)
		require.Equal(t, 404, b.call("GET", path, otherKey, "").Status, "another brand's message")
		require.Equal(t, 404, b.call("POST", "/agent-api/runs/"+runID+"/heartbeat", otherKey, "").Status)
	})
}

func TestAPIKeyWorksUntilTheActivationIsDeactivated(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		key := b.apiKey(id)
		message := func(key string) int {
			return b.call("POST", "/agent-api/messages", key, `{"type":"APPROVAL_REQUEST","text":"?"}`).Status
		}
		require.Equal(t, 401, message(""))
		require.Equal(t, 401, message("unknown"))
		require.Equal(t, 201, message(key))
		require.NoError(t, b.Pause(id, artmailsim.PauseUser))
		require.Equal(t, 201, message(key))
		require.NoError(t, b.Deactivate(id, artmailsim.DeactivateUser))
		require.Equal(t, 401, message(key))
	})
}

func TestControlAPITakesAnActivationThroughItsLife(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		do := func(path, body string, status int) map[string]any {
			t.Helper()
			got := b.call("POST", "/sim/"+path, "", body)
			require.Equal(t, status, got.Status, "%s: %v", path, got.Body)
			synctest.Wait()
			return got.Body
		}
		activated := do("agents/pages/activate", "", 200)
		id := simtest.As[string](activated["activationId"])
		require.NotContains(t, activated, "apiKey")
		require.NotContains(t, activated, "webhooks", "the first one is under way")
		runs := simtest.As[[]any](do("activations/"+id+"/open-run", "", 200)["runs"])
		runID := simtest.As[string](simtest.As[map[string]any](runs[0])["runId"])
		messages := simtest.As[[]any](do("activations/"+id+"/approval-request", `{"text":"May I?","runId":"`+runID+`"}`, 200)["messages"])
		messageID := simtest.As[string](simtest.As[map[string]any](messages[0])["messageId"])
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
		require.Equal(t, `activation "nope": unknown to the simulator: not created yet, or misspelt; GET http://artmail.test/sim/activations lists all`,
			do("activations/nope/resume", "", 404)["error"])
		require.Equal(t, `agent "nope": unknown to the simulator: want one of ["pages"]`, do("agents/nope/activate", "", 404)["error"])
		brief := simtest.As[string](do("agents/pages/activate", "", 200)["activationId"])
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
		require.Equal(t, 204, b.call("PUT", "/sim/agents/pages", "", `{"secret":"s"}`).Status)
		require.Equal(t, 200, b.call("GET", "/sim/activations", "", "").Status)
		require.Equal(t, 200, b.call("GET", "/sim/test-pings", "", "").Status)
		require.Equal(t, "deactivated", b.call("GET", "/sim/activations/"+id, "", "").Body["status"])
	})
}

func TestControlAPIPlansWebhookFaults(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		faults := func(method, fault string, status int) {
			t.Helper()
			require.Equal(t, status, b.call(method, "/sim/webhook-faults"+fault, "", "").Status)
		}
		faults("POST", "/repeat=1", 204)
		faults("POST", "/drop", 204)
		b.activate()
		require.Empty(t, b.receiver.Received())
		simtest.Pass(time.Second)
		require.Len(t, b.receiver.Received(), 1, "a retry is not repeated")
		b.activate()
		require.Len(t, b.receiver.Received(), 3)
		faults("DELETE", "", 204)
		b.activate()
		require.Len(t, b.receiver.Received(), 4)
		faults("POST", "/explode=1", 400)
		faults("POST", "/drop:agent.activatd", 400)
	})
}
