package notifytest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
)

// hook is a receiver of callbacks. It takes what is signed, and answers as the test has set it.
type hook struct {
	server   *httptest.Server
	verifier *standardwebhooks.Webhook
	// hang holds every answer back until it is closed.
	hang chan struct{}
	// pause is how long each answer takes.
	pause time.Duration

	mu     sync.Mutex
	answer func(http.ResponseWriter) // nil: 204
	took   []workflows.Notice
}

func newHook(secret string) (*hook, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("make receiver: %w", err)
	}
	h := &hook{verifier: verifier}
	h.server = httptest.NewServer(h)
	return h, nil
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var n workflows.Notice
	if err != nil || h.verifier.Verify(body, r.Header) != nil || json.Unmarshal(body, &n) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	h.mu.Lock()
	answer, hang, pause := h.answer, h.hang, h.pause
	h.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-r.Context().Done():
			return
		}
	}
	if answer != nil {
		answer(w)
		return
	}
	h.mu.Lock()
	h.took = append(h.took, n)
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (h *hook) answers(answer func(http.ResponseWriter)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = answer
}

// count is how many it took, with repetitions.
func (h *hook) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.took)
}

// seqsOf lists what the receiver took of a source, in order and without repetitions.
func (h *hook) seqsOf(source string) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var seqs []int64
	for _, n := range h.took {
		if n.Source == source && !slices.Contains(seqs, n.Seq) {
			seqs = append(seqs, n.Seq)
		}
	}
	return seqs
}

// calling are notices for callbacks, from seq 1 on.
func calling(source string, count int64, callbacks ...string) []workflows.PostedNotice {
	list := notices(source, 1, count, workflows.ReplyTo{})
	for i := range list {
		list[i].ReplyTo, list[i].Notify = nil, callbacks
	}
	return list
}

func recordOf(s workflows.NotifyState, to workflows.Target, seq int64) workflows.NoticeRecord {
	for _, n := range s.Notices {
		if n.To == to && n.Seq == seq {
			return n
		}
	}
	return workflows.NoticeRecord{}
}

func TestFailingReceiversBlockNoOtherAndGetNoticesInOrderAfterwards(t *testing.T) {
	t.Parallel()
	from := source(t)
	const most = 5
	hooks["failing"].answers(func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusInternalServerError)
	})
	hooks["gone"].answers(func(w http.ResponseWriter) { w.WriteHeader(http.StatusGone) })
	hooks["redirecting"].answers(func(w http.ResponseWriter) {
		w.Header().Set("Location", "http://169.254.169.254/latest/meta-data/")
		w.WriteHeader(http.StatusFound)
	})
	hooks["hanging"].mu.Lock()
	hooks["hanging"].hang = make(chan struct{})
	hooks["hanging"].mu.Unlock()

	handOff(t, from, calling(from, most, "well", "failing", "gone", "redirecting", "hanging", "private", "unknown"))
	to := func(name string) workflows.Target { return workflows.Target{Callback: name} }
	state := eventually(t, from, func(s workflows.NotifyState) bool {
		return recordOf(s, to("well"), most).Status == workflows.NoticeDelivered &&
			recordOf(s, to("gone"), most).Status == workflows.NoticeGivenUp
	})
	require.Equal(t, []int64{1, 2, 3, 4, 5}, hooks["well"].seqsOf(from))
	log := recordOf(state, to("well"), 1).Log
	require.Equal(t, http.StatusNoContent, log[len(log)-1].Status)
	for _, name := range []string{"failing", "redirecting", "hanging", "private", "unknown"} {
		require.Equal(t, workflows.NoticeWaiting, recordOf(state, to(name), 1).Status, name)
	}
	gone := recordOf(state, to("gone"), 1)
	refusals := slices.DeleteFunc(slices.Clone(gone.Log), func(a workflows.NoticeAttempt) bool { return a.Status != http.StatusGone })
	require.Len(t, refusals, 1, "it is not asked again")
	require.Zero(t, recordOf(state, to("gone"), 2).Attempts, "it is not asked again")
	require.Contains(t, recordOf(state, to("gone"), 2).LastError, "410")
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, state.Attention)

	// The run ends with deliveries under way; then the receivers are back.
	stories.ContinueAsNew(t, shared, workflows.NotifyWorkflowID(from))
	for _, name := range []string{"failing", "redirecting", "gone"} {
		hooks[name].answers(nil)
	}
	hooks["hanging"].mu.Lock()
	close(hooks["hanging"].hang)
	hooks["hanging"].hang = nil
	hooks["hanging"].mu.Unlock()
	resend := workflows.SelectNotices{Since: time.Now().Add(-time.Hour), By: "ada"}
	stories.Update(t, shared, workflows.NotifyWorkflowID(from), workflows.UpdateResend, resend, nil)
	state = eventually(t, from, func(s workflows.NotifyState) bool {
		for _, name := range []string{"failing", "redirecting", "gone", "hanging"} {
			if recordOf(s, to(name), most).Status != workflows.NoticeDelivered {
				return false
			}
		}
		return true
	})
	for _, name := range []string{"failing", "redirecting", "gone", "hanging"} {
		require.Equal(t, []int64{1, 2, 3, 4, 5}, hooks[name].seqsOf(from), name)
	}
	require.Equal(t, workflows.NoticeWaiting, recordOf(state, to("private"), 1).Status, "a private address stays refused")
	requireReplays(t, from, runID(t, from))
}

func TestTheCallbacksOfAnAccountGetNoticesIfTheStartNamesNone(t *testing.T) {
	t.Parallel()
	for account, want := range map[string][]int64{"told": {1, 2}, "other": nil} {
		from := source(t) + account
		result := carryOut(t, workflows.HandOff{Source: from, Account: account, Notices: calling(from, 2)})
		if want == nil {
			require.Len(t, result.WithoutTarget, 2)
			_, err := stories.Retry(t.Context(), func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
				return shared.DescribeWorkflowExecution(ctx, workflows.NotifyWorkflowID(from), "")
			})
			require.ErrorAs(t, err, new(*serviceerror.NotFound), "without a target no workflow is started")
			continue
		}
		require.Empty(t, result.WithoutTarget)
		eventually(t, from, all(2, workflows.NoticeDelivered))
		require.Equal(t, want, hooks["well"].seqsOf(from))
	}
}

func TestAnAgentsOwnWorkflowIsStartedOnceAndGetsEachNotice(t *testing.T) {
	t.Parallel()
	from := source(t)
	activation := "act_" + from
	told := func(from2, to int64, kinds ...workflows.NoticeKind) []workflows.PostedNotice {
		list := notices(from, from2, to, workflows.ReplyTo{})
		for i := range list {
			list[i].ReplyTo, list[i].Agent, list[i].ActivationID = nil, agent, activation
			list[i].Kind = kinds[i]
		}
		return list
	}
	pass := func(list []workflows.PostedNotice) {
		carryOut(t, workflows.HandOff{Source: from, Agent: agent, Notices: list})
	}
	pass(told(1, 3, workflows.NoticeActivationActivated, workflows.NoticeActivationPaused, workflows.NoticeActivationDeactivated))
	id := workflows.HandOverWorkflowID(agent, activation)
	eventually(t, from, all(3, workflows.NoticeDelivered))
	run := shared.GetWorkflow(t.Context(), id, "")
	requireReceived(t, run, 1, 2, 3)

	pass(told(4, 4, workflows.NoticeRunStaleWarning))
	state := eventually(t, from, func(s workflows.NotifyState) bool {
		return len(s.Notices) == 4 && s.Notices[3].Status != workflows.NoticeWaiting
	})
	require.Equal(t, workflows.NoticeGivenUp, state.Notices[3].Status)
	require.Contains(t, state.Notices[3].LastError, "not started again")
	require.Equal(t, run.GetRunID(), shared.GetWorkflow(t.Context(), id, "").GetRunID())
}

func TestAReceiverThatHasEndedIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	from := source(t)
	target := workflows.ReplyTo{WorkflowID: from + "/app", Signal: "told"}
	run := startReceiver(t, target.WorkflowID, 1)
	handOff(t, from, notices(from, 1, 1, target))
	requireReceived(t, run, 1)
	handOff(t, from, notices(from, 2, 2, target))
	state := eventually(t, from, func(s workflows.NotifyState) bool {
		return len(s.Notices) == 2 && s.Notices[1].Status != workflows.NoticeWaiting
	})
	require.Equal(t, workflows.NoticeGivenUp, state.Notices[1].Status)
	require.Contains(t, state.Notices[1].LastError, "the receiver has ended (Completed)")

	again := startReceiver(t, target.WorkflowID, 1)
	stories.Update(t, shared, workflows.NotifyWorkflowID(from), workflows.UpdateResend, workflows.SelectNotices{IDs: []string{"ntc_2"}}, nil)
	requireReceived(t, again, 2)
}
