package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAReplyIsOwedUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	silent := request("m2")
	silent.ReplyTo = nil
	register(t, s, noon, request("m1"), silent)
	apply(s, at(1), response(1, "m8", "m1", true), response(1, "m9", "m2", true))
	require.Len(t, s.Replies, 1, "nobody waits for m2")

	s = carried(t, s)
	reply := s.DueReplies(at(1))[0]
	require.Equal(t, *waiter, s.To(reply))
	answer := s.Answer(reply)
	require.Equal(t, "artmail-activation/pages/act_1/approval/m1", answer.ID)
	require.Equal(t, workflows.ApprovalApproved, answer.Approval.Status)
	require.Equal(t, "because of m8", answer.Approval.Reason)
	require.Equal(t, answer, s.Answer(s.DueReplies(at(2))[0]), "a repeated reply is the same")

	s.Confirmed(reply)
	require.Empty(t, s.Replies)
}

func TestAReceiverThatIsGoneIsGivenUpAndNoted(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	open(t, s, "r1", 0)
	apply(s, at(1), response(1, "m8", "m1", true), forceFailed(1, "r1"))
	for _, reply := range s.DueReplies(at(1)) {
		require.Len(t, s.Undelivered(reply, true, "no such workflow is running", at(1)), 1)
		require.Empty(t, s.Undelivered(reply, true, "no such workflow is running", at(1)))
	}
	require.Empty(t, s.Replies)
	require.Equal(t, "no such workflow is running", approval(t, s, "m1").ReplyError)
	require.Equal(t, "no such workflow is running", run(t, s, "r1").ReplyError)
}

func TestAReplyThatFailsOtherwiseIsTriedForAboutADay(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, noon, response(0, "m8", "m1", true))
	now := noon
	for len(s.Replies) > 0 {
		due := s.DueReplies(now)
		require.Len(t, due, 1)
		s.Undelivered(due[0], false, "signal limit", now)
		if len(s.Replies) == 0 {
			break
		}
		require.Empty(t, s.DueReplies(now))
		next, ok := s.NextWake(now)
		require.True(t, ok)
		require.LessOrEqual(t, next.Sub(now), time.Hour)
		now = next
	}
	require.InDelta(t, 24, now.Sub(noon).Hours(), 2)
	require.Equal(t, "signal limit", approval(t, s, "m1").ReplyError)
}

func TestAWarningThatIsStillOwedIsReplacedByTheNext(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	for minute := 12.0; minute < 600; minute += 12 {
		s.Tick(at(minute))
		touch(s, "r1", minute)
	}
	require.Len(t, s.Replies, 1)
}
