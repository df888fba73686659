package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

const source = "artmail-activation/pages/act_1"

func TestANoticeIsCompleteAtItsHandOff(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	silent := request("m2")
	silent.ReplyTo = nil
	register(t, s, noon, request("m1"), silent)
	open(t, s, "r1", 0)
	apply(s, at(1), response(1, "m8", "m1", true), response(1, "m9", "m2", true), forceFailed(1, "r1"))
	require.Len(t, s.waiting(), 2, "m2 has no receiver")
	for _, n := range s.waiting() {
		require.Zero(t, n.Data, "the state holds it once")
		require.Nil(t, n.ReplyTo)
		require.Empty(t, n.Source)
	}

	s = carried(t, s)
	h := lifecycle.Next(s.Activation, at(2)).HandOff
	require.Equal(t, source, h.Source)
	require.Nil(t, h.Files)
	require.Len(t, h.Notices, 3, "the configuration may name a receiver of m2")
	require.Nil(t, h.Notices[1].ReplyTo)
	h.Notices = slices.Delete(h.Notices, 1, 2)
	a, r := approval(t, s, "m1"), run(t, s, "r1")
	require.Equal(t, "because of m8", a.Reason)
	require.Equal(t, workflows.PostedNotice{
		Notice: workflows.Notice{
			ID: rules.NoticeID(source, workflows.NoticeApprovalApproved, "m1"), Seq: 2, Kind: workflows.NoticeApprovalApproved,
			Source: source, Agent: "pages", ActivationID: "act_1", Time: at(1), Data: workflows.NoticeData{Approval: &a},
		},
		ReplyTo: waiter,
	}, h.Notices[0])
	require.Equal(t, workflows.PostedNotice{
		Notice: workflows.Notice{
			ID: rules.NoticeID(source, workflows.NoticeRunForceFailed, "r1"), Seq: 4, Kind: workflows.NoticeRunForceFailed,
			Source: source, Agent: "pages", ActivationID: "act_1", Time: at(1), Data: workflows.NoticeData{Run: &r},
		},
		ReplyTo: waiter,
	}, h.Notices[1])
	require.Equal(t, lifecycle.Next(s.Activation, at(2)).HandOff, lifecycle.Next(s.Activation, at(3)).HandOff, "a repeated hand-off is the same")

	s.handOff(at(3))
	require.Empty(t, s.waiting())
	require.Nil(t, lifecycle.Next(s.Activation, at(3)).HandOff)
}

// A run that was reset numbers its notices as the run before it did. Receivers drop an ID that they have seen.
func TestAResetGivesANewChangeNoOldID(t *testing.T) {
	t.Parallel()
	id := func(minutes float64, e workflows.ActivationEvent) string {
		s := activeState(t)
		apply(s, at(minutes), e)
		return lifecycle.Next(s.Activation, at(minutes)).HandOff.Notices[0].ID
	}
	require.NotEqual(t, id(1, paused(1, "user_paused")), id(2, paused(2, "user_paused")))
}

// Something that crosses the closing task makes Temporal refuse it, after the hand-off. The task runs again at a later time.
func TestARepeatedTaskHandsOffTheSameChange(t *testing.T) {
	t.Parallel()
	ids := func(minutes float64, e workflows.ActivationEvent) []string {
		s := activeState(t)
		apply(s, at(minutes), e)
		var ids []string
		for _, n := range lifecycle.Next(s.Activation, at(minutes)).HandOff.Notices {
			ids = append(ids, n.ID)
		}
		return ids
	}
	for _, e := range []workflows.ActivationEvent{paused(1, "user_paused"), resumed(1), deactivated(1)} {
		require.Equal(t, ids(1, e), ids(2, e), e.Kind)
	}
	e := paused(1, "user_paused")
	e.DeliveryID = ""
	require.NotEqual(t, ids(1, e), ids(2, e), "nothing tells two such events apart")
}

// The replay of a delivery whose key could not be read before has the same DeliveryID.
func TestAReplayThatBringsTheKeyIsAnotherChange(t *testing.T) {
	t.Parallel()
	s := newState(t)
	without := activated(0, "key")
	without.SealedAPIKey, without.APIKeyFingerprint = nil, nil
	apply(s, at(1), without)
	first := lifecycle.Next(s.Activation, at(1)).HandOff.Notices
	s.handOff(at(1))
	apply(s, at(2), activated(0, "key"))
	second := lifecycle.Next(s.Activation, at(2)).HandOff.Notices
	require.Equal(t, workflows.NoticeActivationActivated, second[0].Kind)
	require.NotEqual(t, first[0].ID, second[0].ID)
}

func TestEachEndOfAnApprovalHasItsKind(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	voided, expired := requestOfRun("voided", "r1"), requestDue("expired", 2)
	register(t, s, noon, request("approved"), request("rejected"), request("cancelled"), expired, voided)
	apply(s, at(1), response(1, "x", "approved", true), response(1, "y", "rejected", false), forceFailed(1, "r1"))
	_, err := s.Cancel(workflows.CancelApproval{MessageID: "cancelled"}, at(1))
	require.NoError(t, err)
	s.Tick(at(2))
	approvals := 0
	for _, n := range s.due(at(2)) {
		if n.Data.Approval != nil {
			require.Equal(t, "approval."+n.Data.Approval.MessageID, string(n.Kind))
			approvals++
		}
	}
	require.Equal(t, 5, approvals)
}

func TestHundredsOfNoticesAreHandedOffInBatches(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var list []workflows.ApprovalRequest
	for i := range 500 {
		list = append(list, requestDue(fmt.Sprint("m", i), 10))
	}
	register(t, s, noon, list...)
	s.Tick(at(10))
	told := map[string]bool{}
	for batch := range 10 {
		notices := s.handOff(at(11))
		require.Len(t, notices, 50)
		for i, n := range notices {
			require.Equal(t, fmt.Sprint("m", batch*50+i), n.Data.Approval.MessageID, "oldest first")
			told[n.ID] = true
		}
	}
	require.Len(t, told, 500)
	require.Empty(t, s.handOff(at(11)))
}

func TestAFailedHandOffIsRetried(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, noon, response(0, "m8", "m1", true), deactivated(1))
	h := lifecycle.Next(s.Activation, noon).HandOff
	s.Activation = lifecycle.HandOffFailed(lifecycle.HandOffStarted(s.Activation, *h), *h, rules.Failure{Message: "Temporal is away"}, noon)
	next := lifecycle.Next(s.Activation, noon)
	require.Nil(t, next.HandOff)
	require.False(t, next.Done)
	require.Equal(t, noon.Add(time.Second), next.Wake)
	next = lifecycle.Next(s.Activation, next.Wake)
	require.Equal(t, h, next.HandOff)
	require.Empty(t, lifecycle.Attention(s.Activation))

	now := next.Wake
	for range 8 {
		now = s.State.Outbox.NotBefore
		s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{Message: "not permitted"}, now)
	}
	require.Less(t, now.Sub(noon), 5*time.Minute)
	require.Equal(t, []string{workflows.AttentionNoticeDelayed}, lifecycle.Attention(s.Activation))
	require.Contains(t, lifecycle.Details(s.Activation), "The last error: `not permitted`.")
	s.handOff(at(10))
	require.True(t, lifecycle.Next(s.Activation, at(10)).Done)
	require.Empty(t, lifecycle.Attention(s.Activation))
}

func TestARefusedNoticeRaisesAttentionAndDoesNotDelayTheEnd(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, noon, response(0, "m8", "m1", true))
	h := lifecycle.Next(s.Activation, noon).HandOff
	s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, noon)
	require.Equal(t, []string{workflows.AttentionNoticeRefused}, lifecycle.Attention(s.Activation))
	apply(s, at(1), deactivated(1))
	s.handOff(at(1))
	require.True(t, lifecycle.Next(s.Activation, at(1)).Done)
	require.Equal(t, []string{workflows.AttentionNoticeRefused}, s.View().Attention, "it is still to be looked at")
}

func TestAWarningThatStillWaitsIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	for minute := 12.0; minute < 600; minute += 12 {
		s.Tick(at(minute))
		touch(s, "r1", minute)
	}
	require.Len(t, s.waiting(), 1)
}

// changes returns the notices about the activation itself, as "kind status".
func changes(s *world, now time.Time) []string {
	var list []string
	h := lifecycle.Next(s.Activation, now).HandOff
	if h == nil {
		return nil
	}
	for _, n := range h.Notices {
		if c := n.Data.Activation; c != nil {
			list = append(list, fmt.Sprint(n.Kind, " ", c.Status))
		}
	}
	return list
}

func TestEachChangeOfTheActivationIsAnnouncedWithItsStatus(t *testing.T) {
	t.Parallel()
	s := newState(t)
	apply(s, at(1), activated(1, "key"))
	require.Equal(t, []string{"activation.activated ACTIVE"}, changes(s, at(1)))
	n := lifecycle.Next(s.Activation, at(1)).HandOff.Notices[0]
	require.Equal(t, "pages", n.Agent)
	require.Equal(t, "act_1", n.ActivationID)
	require.Equal(t, at(1), n.Data.Activation.At)
	require.True(t, n.Data.Activation.HasAPIKey)
	require.Equal(t, s.State.Activated.User, n.Data.Activation.User)
	s.handOff(at(1))

	apply(s, at(2), paused(2, "user_requested"))
	require.Equal(t, []string{"activation.paused PAUSED"}, changes(s, at(2)))
	require.Equal(t, "user_requested", lifecycle.Next(s.Activation, at(2)).HandOff.Notices[0].Data.Activation.Reason)
	apply(s, at(3), resumed(3))
	require.Equal(t, []string{"activation.resumed ACTIVE"}, changes(s, at(3)), "a pause that still waits is old news")
	s.handOff(at(3))

	apply(s, at(4), paused(2.5, "older"), resumed(3), activated(1, "key"))
	require.Empty(t, changes(s, at(4)), "what is late or known changes nothing")

	register(t, s, at(5), request("m1"))
	apply(s, at(6), deactivated(6))
	h := lifecycle.Next(s.Activation, at(6)).HandOff
	require.Equal(t, []string{"activation.deactivated DEACTIVATED"}, changes(s, at(6)))
	require.Equal(t, workflows.NoticeActivationDeactivated, h.Notices[len(h.Notices)-1].Kind, "last, after what it voided")
	require.False(t, lifecycle.Next(s.Activation, at(6)).Done)
	s.handOff(at(6))
	require.True(t, lifecycle.Next(s.Activation, at(6)).Done)
}

func TestALateActivationIsAnnouncedAsPaused(t *testing.T) {
	t.Parallel()
	s := newState(t)
	apply(s, at(2), paused(2, "webhook_failure"))
	s.handOff(at(2))
	apply(s, at(3), activated(1, "key"))
	require.Equal(t, []string{"activation.activated PAUSED"}, changes(s, at(3)))
}

func TestNoNoticeHoldsTheAPIKey(t *testing.T) {
	t.Parallel()
	s := newState(t)
	e := activated(0, "key")
	e.SealedAPIKey, e.APIKeyFingerprint = []byte("sealed-and-secret"), []byte("its-fingerprint")
	apply(s, noon, e)
	register(t, s, noon, request("m1"))
	open(t, s, "r1", 0)
	s.Tick(at(12))
	apply(s, at(13), response(13, "m8", "m1", true), paused(13.1, "x"), resumed(13.2), deactivated(14))
	for {
		h := lifecycle.Next(s.Activation, at(15)).HandOff
		if h == nil {
			break
		}
		text, err := json.Marshal(h)
		require.NoError(t, err)
		for _, secret := range [][]byte{e.SealedAPIKey, e.APIKeyFingerprint} {
			encoded, err := json.Marshal(secret)
			require.NoError(t, err)
			require.NotContains(t, string(text), string(encoded[1:len(encoded)-1]))
			require.NotContains(t, string(text), string(secret))
		}
		s.handOff(at(15))
	}
}

// Runs of Artmail's events can't be refused; while hand-offs fail, the notices of the oldest are dropped.
func TestTooManyFailedRunsDuringFailedHandOffsRaiseAttention(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var events []workflows.ActivationEvent
	for i := range 1000 {
		events = append(events, forceFailed(1, fmt.Sprint("run", i)))
	}
	apply(s, at(1), events...)
	s.Tick(at(1))
	require.Less(t, size(t, s), 700<<10)
	require.Contains(t, lifecycle.Attention(s.Activation), workflows.AttentionNoticeRefused)
	waiting := s.State.Outbox.Waiting
	require.NotEmpty(t, waiting)
	require.Equal(t, rules.NoticeID(source, workflows.NoticeRunForceFailed, "run999"), waiting[len(waiting)-1].ID, "the newest stay")
}

func TestAnEndWithoutAReceiverIsCorrectedAfterItsHandOff(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"no receiver": false, "a callback of the configuration": true} {
		s := activeState(t)
		r := requestOfRun("m1", "r1")
		r.ReplyTo = nil
		register(t, s, noon, r)
		apply(s, at(3), forceFailed(3, "r1"))
		h := lifecycle.Next(s.Activation, at(3)).HandOff
		result := withoutConfig(*h)
		if told {
			result = workflows.HandOffResult{}
		}
		s.Activation = lifecycle.HandOffSucceeded(lifecycle.HandOffStarted(s.Activation, *h), *h, result)
		apply(s, at(4), response(2, "yes", "m1", true))
		want := workflows.ApprovalApproved
		if told {
			want = workflows.ApprovalVoided
		}
		require.Equal(t, want, approval(t, s, "m1").Status, name)
	}
}

func TestANoticeOfAnActivationSaysWhetherItHasItsKey(t *testing.T) {
	t.Parallel()
	keyless := activated(0, "key")
	keyless.SealedAPIKey, keyless.APIKeyFingerprint = nil, nil
	for _, has := range []bool{true, false} {
		s := newState(t)
		if e := activated(0, "key"); has {
			apply(s, noon, e)
		} else {
			apply(s, noon, keyless)
		}
		change := lifecycle.Next(s.Activation, noon).HandOff.Notices[0].Data.Activation
		require.Equal(t, has, change.HasAPIKey)
		require.Equal(t, "usr_1", change.User.ID)
	}
}
