package lifecycle_test

import (
	"fmt"
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
		require.Zero(t, n.To)
		require.Empty(t, n.Source)
	}

	s = carried(t, s)
	h := lifecycle.Next(s.Activation, at(2)).HandOff
	require.Equal(t, source, h.Source)
	require.Nil(t, h.Files)
	require.Len(t, h.Notices, 2)
	a, r := approval(t, s, "m1"), run(t, s, "r1")
	require.Equal(t, "because of m8", a.Reason)
	require.Equal(t, workflows.AddressedNotice{
		Notice: workflows.Notice{
			ID: rules.NoticeID(source, workflows.NoticeApprovalApproved, "m1"), Seq: 1, Kind: workflows.NoticeApprovalApproved,
			Source: source, Agent: "pages", ActivationID: "act_1", Time: at(1), Data: workflows.NoticeData{Approval: &a},
		},
		To: *waiter,
	}, h.Notices[0])
	require.Equal(t, workflows.AddressedNotice{
		Notice: workflows.Notice{
			ID: rules.NoticeID(source, workflows.NoticeRunForceFailed, "r1"), Seq: 2, Kind: workflows.NoticeRunForceFailed,
			Source: source, Agent: "pages", ActivationID: "act_1", Time: at(1), Data: workflows.NoticeData{Run: &r},
		},
		To: *waiter,
	}, h.Notices[1])
	require.Equal(t, h, lifecycle.Next(s.Activation, at(3)).HandOff, "a repeated hand-off is the same")

	s.handOff(at(3))
	require.Empty(t, s.waiting())
	require.Nil(t, lifecycle.Next(s.Activation, at(3)).HandOff)
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
	for _, n := range s.due(at(2)) {
		require.Equal(t, "approval."+n.Data.Approval.MessageID, string(n.Kind))
	}
	require.Len(t, s.due(at(2)), 5)
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

func TestAHandOffThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, noon, response(0, "m8", "m1", true), deactivated(1))
	h := lifecycle.Next(s.Activation, noon).HandOff
	s.Activation = lifecycle.HandOffFailed(lifecycle.HandingOff(s.Activation, *h), *h, rules.Failure{Message: "Temporal is away"}, noon)
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

func TestANoticeThatTemporalRefusesRaisesAttentionAndDoesNotKeepTheEnd(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, noon, response(0, "m8", "m1", true))
	h := lifecycle.Next(s.Activation, noon).HandOff
	s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, noon)
	require.Equal(t, []string{workflows.AttentionNoticeRefused}, lifecycle.Attention(s.Activation))
	apply(s, at(1), deactivated(1))
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
