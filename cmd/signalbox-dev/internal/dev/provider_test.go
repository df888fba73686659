package dev_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The bodies that Offload's reference shows, to the letter: without event_id and timestamp.
const (
	referenceCaseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

	referenceCompleted = `{
  "event_type": "case.completed",
  "data": {
    "caseId": "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f",
    "clientReferenceId": "vendor_2048",
    "status": "COMPLETED",
    "channel": "EMAIL",
    "attemptCount": 2,
    "attachments": [
      {
        "attachmentId": "63016fee-124b-46d8-a3e5-616f187a6c41",
        "name": "vendor-w9.pdf",
        "size": 904860,
        "type": "application/pdf",
        "messageId": "<message-id@example.com>",
        "inboxId": "dev-test@agentmail.to",
        "receivedAt": 1774131900000
      }
    ],
    "resultStatus": "goal_achieved",
    "result": {
      "signedW9Received": true,
      "receivedAt": "2026-03-21T15:42:00Z"
    },
    "metadata": {
      "vendorId": "vendor_2048"
    }
  }
}`
	referenceFailed = `{
  "event_type": "case.failed",
  "data": {
    "caseId": "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f",
    "status": "FAILED",
    "channel": "EMAIL",
    "attemptCount": 3,
    "attachments": [],
    "resultStatus": "max_retries",
    "failureReason": null
  }
}`
	referenceInputNeeded = `{
  "event_type": "case.input_needed",
  "data": {
    "caseId": "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f",
    "status": "INPUT_NEEDED",
    "channel": "EMAIL",
    "attemptCount": 1,
    "attachments": [],
    "inputRequest": "The vendor asked whether a signed PDF is acceptable. How should I respond?",
    "inputRequestId": "c8c6a7ca-a913-4d13-8cd8-5887efb0531c",
    "inputRequestStatus": "PENDING",
    "inputRequestedAt": 1774131900300
  }
}`
)

// referenceAccounts answer GET for the reference's one case, each as if its body had just been posted: the examples lack a time, and what has no
// time is confirmed by reading the case. A read waits until the case has the body: an earlier one would end
// the case without the webhook.
type referenceAccounts struct {
	accounts map[string]config.Account
	servers  []*httptest.Server
	applied  map[string]chan struct{}
}

// shapes of the examples: as the reference shows them, and with its common envelope.
var shapes = []string{"as-shown", "with-envelope"}

func referenceProviders() *referenceAccounts {
	r := &referenceAccounts{accounts: map[string]config.Account{}, applied: map[string]chan struct{}{}}
	for name, facts := range map[string]string{
		"completed": `"status":"COMPLETED","resultStatus":"goal_achieved","attemptCount":2,"result":{"signedW9Received":true},"inputRequest":null,
			"attachments":[{"attachmentId":"63016fee-124b-46d8-a3e5-616f187a6c41","name":"vendor-w9.pdf","size":904860,"type":"application/pdf"}]`,
		"failed": `"status":"FAILED","resultStatus":"max_retries","attemptCount":3,"inputRequest":null`,
		"input-needed": `"status":"INPUT_NEEDED","attemptCount":1,"inputRequest":{"id":"c8c6a7ca-a913-4d13-8cd8-5887efb0531c",
			"question":"The vendor asked whether a signed PDF is acceptable. How should I respond?","status":"PENDING","requestedAt":1774131900300}`,
	} {
		for _, shape := range shapes {
			applied := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				select {
				case <-applied:
				case <-request.Context().Done():
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"ok":true,"data":{"caseId":%q,"createdAt":1774131800000,"updatedAt":1774131900000,
					"nextActionAt":253402300799999,"channel":"EMAIL",%s}}`, referenceCaseID, facts)
			}))
			account := name + "-" + shape
			r.servers = append(r.servers, server)
			r.accounts[account] = config.Account{BaseURL: server.URL, APIKey: "key"}
			r.applied[account] = applied
		}
	}
	return r
}

func (r *referenceAccounts) close() {
	for _, server := range r.servers {
		server.Close()
	}
}

// withEnvelope adds what the reference's common envelope has and its examples lack.
func withEnvelope(body, kind string, at int64) string {
	id := fmt.Sprintf(`"event_id": "evt_%s_%s_%d", "timestamp": %d,`, referenceCaseID, strings.ReplaceAll(kind, ".", "_"), at, at)
	return strings.Replace(body, "{", "{"+id, 1)
}

// ring is the instance's own: it makes the URLs and secrets that a provider would have been given.
func ring(t testing.TB) *keyring.Ring {
	t.Helper()
	r, err := keyring.LoadOrCreate(shared.folder + "/keyring.json")
	require.NoError(t, err)
	return r
}

// postArtmail signs a body as Artmail does and posts it.
func postArtmail(t testing.TB, ingress, body string) int {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(dev.AgentSecret(ring(t))))
	mac.Write([]byte(body))
	return post(t, ingress+"/webhooks/artmail/"+dev.Agent, body, "X-Artmail-Signature", hex.EncodeToString(mac.Sum(nil)))
}

// sendActivations sends events of several activations at the same time, and those of one in their order: it is activated, then paused and
// resumed in turn. Name returns the ID of an activation, and send posts an event. It returns all statuses.
func sendActivations(activations, eventsEach int, name func(n int) string, send func(event string) int) []int {
	var senders sync.WaitGroup
	statuses := make([]int, activations*eventsEach)
	for n := range activations {
		senders.Go(func() {
			for e := range eventsEach {
				kind, extra := workflows.KindAgentResumed, ""
				switch {
				case e == 0:
					kind, extra = workflows.KindAgentActivated, `,"apiKey":"k","user":{"id":"u","email":"e@example.com"}`
				case e%2 == 1:
					kind, extra = workflows.KindAgentPaused, `,"reason":"user_paused"`
				}
				statuses[n*eventsEach+e] = send(artmailEvent(kind, name(n), 1774131900000+int64(e)*1000, extra))
			}
		})
	}
	senders.Wait()
	return statuses
}

// artmailEvent is an event in the shape that the reference's text makes likely.
func artmailEvent(kind, activationID string, at int64, extra string) string {
	return fmt.Sprintf(`{"type":%q,"activationId":%q,"timestamp":%d%s}`, kind, activationID, at, extra)
}

func TestTheExamplesOfTheReferenceLeadToTheRightStates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, kind string
		holds      func(workflows.CaseState) bool
	}{
		"completed": {referenceCompleted, workflows.KindCaseCompleted, func(s workflows.CaseState) bool {
			return s.Status == workflows.CaseCompleted && s.Outcome.Facts.AttemptCount == 2 && s.Outcome.ResultStatus == "goal_achieved" &&
				strings.Contains(string(s.Outcome.Facts.Result), "signedW9Received") && len(s.Outcome.Facts.Attachments) == 1 &&
				strings.Contains(string(s.Outcome.Facts.Metadata), "vendor_2048")
		}},
		"failed": {referenceFailed, workflows.KindCaseFailed, func(s workflows.CaseState) bool {
			return s.Status == workflows.CaseFailed && s.Outcome.ResultStatus == "max_retries"
		}},
		"input-needed": {referenceInputNeeded, workflows.KindCaseInputNeeded, func(s workflows.CaseState) bool {
			return s.Status == workflows.CaseInputNeeded && s.Question.ID == "c8c6a7ca-a913-4d13-8cd8-5887efb0531c" &&
				strings.HasPrefix(s.Question.Text, "The vendor asked whether a signed PDF")
		}},
	} {
		for i, body := range []string{c.body, withEnvelope(c.body, c.kind, 1774131900000)} {
			account := name + "-" + shapes[i]
			t.Run(account, func(t *testing.T) {
				t.Parallel()
				reference := "reference-" + account
				one := stories.StartCase(t, shared.Apps, workflows.CaseStart{Reference: reference, CaseID: referenceCaseID, Account: account})
				url, err := shared.Apps.WebhookURL(reference)
				require.NoError(t, err)
				require.Equal(t, 204, post(t, url, body))
				require.Equal(t, 204, post(t, url, body), "a duplicate is answered alike")
				testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.EventsApplied > 0 })
				close(shared.reference.applied[account])
				testenv.Eventually(t, one.State, c.holds)
			})
		}
	}
}

func TestEachKindOfArtmailLeadsToTheRightState(t *testing.T) {
	t.Parallel()
	const at = 1774131900000
	id := "act-kinds"
	one := shared.Apps.Activation(dev.Agent, id)
	send := func(kind string, at int64, extra string) {
		t.Helper()
		require.Equal(t, 204, postArtmail(t, shared.IngressURL(), artmailEvent(kind, id, at, extra)))
	}
	status := func(want workflows.ActivationStatus) workflows.ActivationState {
		t.Helper()
		return testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Status == want })
	}

	send(workflows.KindAgentActivated, at, `,"apiKey":"key-shown-once","user":{"id":"u1","email":"ada@example.com"}`)
	state := status(workflows.ActivationActive)
	require.Equal(t, "u1", state.User.ID)
	key := stories.MustRetry(t, one.RevealAPIKey)
	require.Equal(t, "key-shown-once", key)

	stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: "m1"}, workflows.ApprovalRequest{MessageID: "m2", RunID: "r1"})
	send(workflows.KindApprovalResponse, at+1, `,"messageId":"m1-response","inResponseToId":"m1","approved":false,"reason":"not now","runId":null`)
	state = testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return approval(s, "m1").Status != workflows.ApprovalOpen })
	require.Equal(t, workflows.ApprovalRejected, approval(state, "m1").Status)
	require.Equal(t, "not now", approval(state, "m1").Reason)

	send(workflows.KindRunForceFailed, at+2, `,"runId":"r1","reason":"stale","staleMinutes":15`)
	state = testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return approval(s, "m2").Status != workflows.ApprovalOpen })
	require.Equal(t, workflows.ApprovalVoided, approval(state, "m2").Status)

	send(workflows.KindAgentPaused, at+10, `,"reason":"user_paused"`)
	status(workflows.ActivationPaused)
	send(workflows.KindAgentResumed, at+20, "")
	status(workflows.ActivationActive)
	send(workflows.KindAgentPaused, at+10, `,"reason":"user_paused"`) // hours late, and a duplicate
	send(workflows.KindAgentDeactivated, at+30, `,"reason":"user_deactivated","apiKeyRevoked":true`)
	state = status(workflows.ActivationDeactivated)
	require.Empty(t, state.SealedAPIKey)

	require.Equal(t, 204, postArtmail(t, shared.IngressURL(), artmailEvent(workflows.KindTestPing, "test", at, `,"note":null`)))
	requireNonePending(t, inbox.Filter{Kind: workflows.KindTestPing})
	_, err := stories.Retry(t.Context(), shared.Apps.Activation(dev.Agent, "test").State)
	require.ErrorIs(t, err, signalbox.ErrNotFound, "a test delivery starts nothing")
}

func approval(s workflows.ActivationState, messageID string) workflows.Approval {
	for _, a := range s.Approvals {
		if a.MessageID == messageID {
			return a
		}
	}
	return workflows.Approval{}
}
