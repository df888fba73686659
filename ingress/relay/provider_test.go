package relay_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	activated   = `{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1","user":{"id":"u1","email":"u@example.com"}}`
	deactivated = `{"type":"agent.deactivated","activationId":"a1","timestamp":1774131990000,"reason":"admin_revoke"}`
	paused      = `{"type":"agent.paused","activationId":"a1","timestamp":1774131950000,"reason":"user_paused"}`

	activation = "artmail-activation/copywriter/a1"
)

func TestTheFirstEventStartsItsActivation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	options := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour)}
	first := f.keepArtmail(t, workflows.KindAgentActivated, activated)
	f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": options}})
	f.becomes(t, first, inbox.StateDelivered)
	f.becomes(t, f.keepArtmail(t, workflows.KindAgentPaused, paused), inbox.StateDelivered)

	sent := f.temporal.sent()
	require.Len(t, sent, 2)
	require.Equal(t, activation, sent[0].workflowID)
	require.Equal(t, workflows.SignalArtmailEvents, sent[0].name)
	require.Equal(t, activation, sent[0].started.ID)
	require.Equal(t, workflows.TaskQueueWorkflows, sent[0].started.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, sent[0].started.WorkflowIDReusePolicy)
	require.Equal(t, "Activation a1 of agent copywriter", sent[0].started.StaticSummary)
	state, ok := sent[0].started.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeState))
	require.True(t, ok)
	require.Equal(t, "UNKNOWN", state)
	require.Equal(t, workflows.ActivationStart{Agent: "copywriter", ActivationID: "a1", Options: options}, sent[0].input)
	require.Nil(t, sent[1].started, "a running activation is only signalled")
}

func TestTheAPIKeyIsSealedForItsActivationBeforeItIsSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.keepArtmail(t, workflows.KindAgentActivated, activated)
	f.start(t, relay.Config{})
	f.noPending(t)
	sent := f.temporal.sent()[0]
	require.NotContains(t, string(sent.payload), "art_key_1")
	event := activationEvents(t, sent)[0]
	require.Equal(t, &workflows.ActivationUser{ID: "u1", Email: "u@example.com"}, event.User)
	key, err := f.keys.Open(event.SealedAPIKey, workflows.APIKeyContext("copywriter", "a1")...)
	require.NoError(t, err)
	require.Equal(t, "art_key_1", string(key))
	require.Equal(t, f.keys.Fingerprint(key, workflows.APIKeyContext("copywriter", "a1")...), event.APIKeyFingerprint, "the fingerprint shows whether a key is a repetition")
	_, err = f.keys.Open(event.SealedAPIKey, workflows.APIKeyContext("copywriter", "a2")...)
	require.Error(t, err)
}

func TestAnEndedActivationIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	t.Run("that the server knows as closed", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.status[activation] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
		id := f.keepArtmail(t, workflows.KindAgentPaused, paused)
		f.start(t, relay.Config{})
		f.becomes(t, id, inbox.StateLate)
	})
	t.Run("whose end only the inbox remembers", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		end := f.keepArtmail(t, workflows.KindAgentDeactivated, deactivated)
		f.start(t, relay.Config{})
		f.becomes(t, end, inbox.StateDelivered)
		// The namespace's retention has passed.
		f.temporal.set(func(f *fakeTemporal) { delete(f.status, activation) })
		f.becomes(t, f.keepArtmail(t, workflows.KindAgentPaused, paused), inbox.StateLate)
		require.Len(t, f.temporal.sent(), 1)
	})
	for _, status := range []enumspb.WorkflowExecutionStatus{
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
	} {
		t.Run("and of one that was closed before its end each event says so: "+status.String(), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.temporal.status[activation] = status
			f.temporal.closedAt[activation] = f.clock.Now().Add(time.Second) // after the first event, before the others
			first := f.keepArtmail(t, workflows.KindAgentPaused, paused)
			f.start(t, relay.Config{})
			require.Equal(t, inbox.BeforeEnd, f.becomes(t, first, inbox.StateLate).Reason)
			f.clock.advance(time.Minute)
			require.Equal(t, inbox.BeforeEnd, f.becomes(t, f.keepArtmail(t, workflows.KindAgentPaused, paused), inbox.StateLate).Reason)
			require.Equal(t, 2, f.logs.FilterMessage("deliveries came late: their workflow was closed in Temporal before it completed").Len())
		})
	}
	t.Run("that a person stopped", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.status[activation] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
		first := f.keepArtmail(t, workflows.KindAgentPaused, paused)
		f.start(t, relay.Config{})
		f.becomes(t, first, inbox.StateLate)
		// The namespace's retention has passed.
		f.temporal.set(func(f *fakeTemporal) { delete(f.status, activation) })
		f.becomes(t, f.keepArtmail(t, workflows.KindAgentPaused, paused), inbox.StateLate)
		require.Empty(t, f.temporal.sent())

		page, err := f.store.List(t.Context(), inbox.Filter{Lane: activation})
		require.NoError(t, err)
		for _, one := range page.Deliveries {
			require.NoError(t, f.store.Replay(t.Context(), one.ID, f.clock.Now()))
		}
		for _, one := range page.Deliveries {
			f.becomes(t, one.ID, inbox.StateLate)
		}
		require.Empty(t, f.temporal.sent(), "nor by a replay of all of them")
	})
	t.Run("although a person dismissed what came late", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.status[activation] = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
		first := f.keepArtmail(t, workflows.KindAgentPaused, paused)
		f.start(t, relay.Config{})
		f.becomes(t, first, inbox.StateLate)
		_, err := inboxadmin.Admin{Inbox: f.store, Who: "ada", Now: f.clock.Now}.Dismiss(t.Context(), first)
		require.NoError(t, err)
		// The namespace's retention has passed.
		f.temporal.set(func(f *fakeTemporal) { delete(f.status, activation) })
		second := f.becomes(t, f.keepArtmail(t, workflows.KindAgentPaused, paused), inbox.StateLate)
		_, err = inboxadmin.Admin{Inbox: f.store, Who: "ada", Now: f.clock.Now}.Dismiss(t.Context(), second.ID)
		require.NoError(t, err)
		for _, id := range []string{first, second.ID} {
			require.NoError(t, f.store.Replay(t.Context(), id, f.clock.Now()))
		}
		for _, id := range []string{first, second.ID} {
			f.becomes(t, id, inbox.StateLate)
		}
		require.Empty(t, f.temporal.sent())
	})
	for _, end := range []inbox.State{inbox.StateLate, inbox.StateDelivered} {
		t.Run("by a replay of dead events, one of which had been "+string(end), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			first, last := f.keepArtmail(t, workflows.KindAgentPaused, paused), f.keepArtmail(t, workflows.KindAgentDeactivated, deactivated)
			require.NoError(t, f.store.Settle(t.Context(), inbox.SettleRequest{Now: f.clock.Now(), Settlements: []inbox.Settlement{
				inbox.Finish(first, inbox.StateDead, "unreadable"), inbox.Finish(last, end, ""),
			}}))
			f.temporal.broken[activation] = serviceerror.NewInvalidArgument("refused")
			require.NoError(t, f.store.Replay(t.Context(), last, f.clock.Now()))
			f.start(t, relay.Config{MaxAttempts: 1})
			f.becomes(t, last, inbox.StateDead)
			f.stop()

			require.NoError(t, f.store.Replay(t.Context(), first, f.clock.Now()))
			require.NoError(t, f.store.Replay(t.Context(), last, f.clock.Now()))
			f.start(t, relay.Config{MaxAttempts: 2})
			eventually(t, "an attempt, after which the first event is sent alone", func() bool { return f.get(t, first).Attempts == 1 })
			f.temporal.set(func(f *fakeTemporal) { delete(f.broken, activation) })
			f.passTime(t, time.Second, "settled", func() bool { return f.get(t, last).State != inbox.StatePending })
			require.Equal(t, inbox.StateLate, f.get(t, first).State)
			require.Equal(t, inbox.StateLate, f.get(t, last).State)
			require.Empty(t, f.temporal.sent())
		})
	}
}

// The signal's answer was lost, and the activation has ended since.
func TestAnEventThatItsEndedActivationHasIsDelivered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.status[activation] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	f.temporal.closedAt[activation] = f.clock.Now().Add(time.Second)
	f.temporal.lastApplied[activation] = f.clock.Now()
	id := f.keepArtmail(t, workflows.KindAgentDeactivated, deactivated)
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateDelivered)
}

func TestAnActivationWaitsForTheSearchAttributes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.unstartable = serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute SignalboxState")
	id := f.keepArtmail(t, workflows.KindAgentActivated, activated)
	f.start(t, relay.Config{MaxAttempts: 1})
	eventually(t, "the reason is stored", func() bool { return f.get(t, id).Reason != "" })
	require.Contains(t, f.get(t, id).Reason, "no mapping defined for search attribute")
	f.temporal.set(func(f *fakeTemporal) { f.unstartable = nil })
	f.passTime(t, time.Second, "delivered", func() bool { return f.get(t, id).State == inbox.StateDelivered })
	require.Zero(t, f.get(t, id).Attempts)
}

// The lane has only a hash of such an activationId.
func TestAnActivationWithALongIDIsStartedWithTheFullID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	activationID := strings.Repeat("a", 250)
	lane := artmail.Lane("copywriter", activationID)
	require.LessOrEqual(t, len(lane), 240)
	id := f.keep(t, inbox.Delivery{Provider: artmail.Name, Scope: "copywriter", Lane: lane}, strings.ReplaceAll(activated, `"a1"`, `"`+activationID+`"`))
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateDelivered)
	sent := f.temporal.sent()
	require.Len(t, sent, 1)
	require.Equal(t, lane, sent[0].workflowID)
	require.Equal(t, workflows.ActivationStart{Agent: "copywriter", ActivationID: activationID}, sent[0].input)
	key, err := f.keys.Open(activationEvents(t, sent[0])[0].SealedAPIKey, workflows.APIKeyContext("copywriter", activationID)...)
	require.NoError(t, err)
	require.NotEmpty(t, key)
}

func TestAnUnreadableFieldIsLostAloneAndNamedInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	id := f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("order-1"), Kind: "case.completed"},
		`{"event_type":"case.completed","data":{"caseId":"c1","attachments":[{"attachmentId":"a1"},"a2"],"result":{"ok":true}}}`)
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateDelivered)
	facts := caseEvents(t, f.temporal.sent()[0])[0].Facts
	require.Equal(t, []workflows.Attachment{{ID: "a1"}}, facts.Attachments)
	require.JSONEq(t, `{"ok":true}`, string(facts.Result))
	lost := f.logs.FilterMessage("event has fields that can't be read").All()
	require.Len(t, lost, 1)
	require.Equal(t, []any{"data.attachments[1]"}, lost[0].ContextMap()["fields"])
	require.Equal(t, id, lost[0].ContextMap()["delivery"])
}

func TestAResponseWithoutABooleanReachesItsActivation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.keepArtmail(t, workflows.KindApprovalResponse,
		`{"type":"approval_response","activationId":"a1","messageId":"resp_1","inResponseToId":"ask_1","approved":"true","reason":"go ahead","runId":null}`)
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateDelivered)
	event := activationEvents(t, f.temporal.sent()[0])[0]
	require.Nil(t, event.Approved)
	require.Equal(t, "ask_1", event.InResponseToID)
}

func TestAnEventOnTheCasesOwnURLNeedsNoCaseID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	f.start(t, relay.Config{})
	id := f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("order-1"), Kind: workflows.KindCaseCompleted},
		`{"event_type":"case.completed","data":{"caseId":{},"status":"COMPLETED"}}`)
	f.becomes(t, id, inbox.StateDelivered)
	event := caseEvents(t, f.temporal.sent()[0])[0]
	require.Empty(t, event.Facts.CaseID)
	require.False(t, event.Unproven)
}

func TestATooLargeEventArrivesWithItsTextsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long, err := json.Marshal(string(make([]byte, 100<<10)))
	require.NoError(t, err)
	id := f.keepArtmail(t, workflows.KindAgentPaused, `{"type":"agent.paused","activationId":"a1","timestamp":2,"more":7,"reason":`+string(long)+`}`)
	f.start(t, relay.Config{})
	f.becomes(t, id, inbox.StateDelivered)
	event := activationEvents(t, f.temporal.sent()[0])[0]
	require.Equal(t, workflows.KindAgentPaused, event.Kind)
	require.LessOrEqual(t, workflows.JSONLen(event.Reason), workflows.MaxTextBytes)
}

func TestAnEventOfTheSharedRouteFindsItsCase(t *testing.T) {
	t.Parallel()
	t.Run("by its caseId", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.run("offload-case/order-7", "offload-case/order-1")
		f.temporal.cases["c1"] = "offload-case/order-7"
		id := f.keepShared(t, "c1", "order-1")
		f.start(t, relay.Config{})
		f.becomes(t, id, inbox.StateDelivered)
		sent := f.temporal.sent()[0]
		require.Equal(t, "offload-case/order-7", sent.workflowID)
		require.True(t, caseEvents(t, sent)[0].Unproven)
		require.Equal(t, []string{"WorkflowType = 'offload-case' AND SignalboxCaseId = 'c1'"}, f.temporal.queries)
	})
	t.Run("by its client reference where the caseId is not known yet", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.run("offload-case/order-1")
		id := f.keepShared(t, "c1", "order-1")
		f.start(t, relay.Config{})
		f.becomes(t, id, inbox.StateDelivered)
		require.Equal(t, "offload-case/order-1", f.temporal.sent()[0].workflowID)
	})
	t.Run("apart from other cases whose caseId was not readable when they came", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.cases["c1"], f.temporal.status["offload-case/order-1"] = "offload-case/order-1", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
		f.temporal.run("offload-case/order-2", "offload-case/order-3")
		ids := map[string]string{}
		for caseID, reference := range map[string]string{"c1": "order-1", "c2": "order-2", "c3": "order-3"} {
			f.clock.advance(time.Second)
			ids[caseID] = f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.SharedLane("")},
				`{"event_type":"case.failed","data":{"caseId":"`+caseID+`","clientReferenceId":"`+reference+`"}}`)
		}
		f.start(t, relay.Config{})
		f.becomes(t, ids["c1"], inbox.StateLate)
		f.becomes(t, ids["c2"], inbox.StateDelivered)
		f.becomes(t, ids["c3"], inbox.StateDelivered)
		sent := map[string]string{}
		for _, s := range f.temporal.sent() {
			events := caseEvents(t, s)
			require.Len(t, events, 1)
			sent[events[0].Facts.CaseID] = s.workflowID
		}
		require.Equal(t, map[string]string{"c2": "offload-case/order-2", "c3": "offload-case/order-3"}, sent)
	})
	t.Run("dead without a caseId", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.run("offload-case/order-1")
		id := f.keepShared(t, "", "order-1")
		f.start(t, relay.Config{})
		require.Contains(t, f.becomes(t, id, inbox.StateDead).Reason, "data.caseId is missing")
	})
	t.Run("late where the case is closed", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.status["offload-case/order-7"] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
		f.temporal.cases["c1"] = "offload-case/order-7"
		id := f.keepShared(t, "c1", "")
		f.start(t, relay.Config{})
		f.becomes(t, id, inbox.StateLate)
	})
	t.Run("or waits, and is parked", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		id := f.keepShared(t, "c1", "no reference of ours")
		f.start(t, relay.Config{})
		eventually(t, "the reason is stored", func() bool { return f.get(t, id).Reason == "no such workflow" })
		f.clock.advance(16 * time.Minute)
		f.becomes(t, id, inbox.StateUnmatched)
	})
	t.Run("and is never asked for by what could change the query", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.run("offload-case/order-1")
		id := f.keepShared(t, "c' OR WorkflowType != '", "order-1")
		f.start(t, relay.Config{})
		f.becomes(t, id, inbox.StateDelivered)
		require.Empty(t, f.temporal.queries)
	})
	t.Run("once the search attributes are registered", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.unqueryable = serviceerror.NewInvalidArgument("invalid query: column name 'SignalboxCaseId' is not defined")
		f.temporal.run("offload-case/order-1")
		id := f.keepShared(t, "c1", "order-1")
		f.start(t, relay.Config{MaxAttempts: 1})
		eventually(t, "the reason is stored", func() bool { return f.get(t, id).Reason != "" })
		d := f.get(t, id)
		require.Equal(t, inbox.StatePending, d.State)
		require.Contains(t, d.Reason, "is not defined")
		require.NotEmpty(t, f.logs.FilterMessage("a case can't be found before the search attributes are registered: run signalbox setup").All())
		f.temporal.set(func(f *fakeTemporal) { f.unqueryable = nil })
		f.passTime(t, time.Second, "delivered", func() bool { return f.get(t, id).State == inbox.StateDelivered })
		require.Zero(t, f.get(t, id).Attempts)
	})
	t.Run("held back while visibility is away", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		f.temporal.down = errors.New("visibility store is gone")
		f.temporal.run("offload-case/order-1")
		id := f.keepShared(t, "c1", "order-1")
		f.start(t, relay.Config{MaxAttempts: 1})
		eventually(t, "held back", func() bool { return f.relay.Check(t.Context()) != nil })
		f.temporal.set(func(f *fakeTemporal) { f.down = nil })
		f.becomes(t, id, inbox.StateDelivered)
	})
}

func TestADeliveryWhoseKindWasUnknownWhenItCameNamesItOnceItIsDelivered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.temporal.run("offload-case/order-1")
	f.start(t, relay.Config{})
	id := f.keep(t, inbox.Delivery{Provider: offload.Name, Lane: offload.Lane("order-1"), Kind: hook.KindUnknown}, completed("evt"))
	require.Equal(t, `kind "case.completed"`, f.becomes(t, id, inbox.StateDelivered).Reason)
}
