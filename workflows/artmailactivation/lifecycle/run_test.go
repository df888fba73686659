package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func open(t testing.TB, s *world, runID string, minutes float64) {
	t.Helper()
	_, err := s.Open(workflows.OpenRun{RunID: runID, ReplyTo: waiter}, at(minutes))
	require.NoError(t, err)
}

func touch(s *world, runID string, minutes float64) {
	s.Touch(workflows.TouchRuns{RunIDs: []string{runID}}, at(minutes))
}

func TestAnIdleRunIsWarnedAboutOnceBeforeTheWindowEnds(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	wake, ok := s.NextWake(at(0))
	require.True(t, ok)
	require.Equal(t, at(12), wake)

	s.Tick(at(11.9))
	require.Empty(t, s.waiting())
	s.Tick(at(12))
	s.Tick(at(13))
	require.Equal(t, at(12), run(t, s, "r1").WarnedAt)
	require.Equal(t, []string{workflows.AttentionRunStale}, s.View().Attention)
	require.Len(t, s.waiting(), 1)
	first := s.handOff(at(13))[0]
	require.Equal(t, workflows.NoticeRunStaleWarning, first.Kind)
	require.Equal(t, workflows.RunOpen, first.Data.Run.Status)

	touch(s, "r1", 14)
	require.Empty(t, s.View().Attention)
	s.Tick(at(26))
	require.Len(t, s.waiting(), 1, "a new silence is warned about anew")
	require.NotEqual(t, first.ID, s.waiting()[0].ID)
}

func TestARunThatArtmailHasEndedNeedsNoPersonAfterAnHour(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]bool{"without an open approval": true, "with an open approval": false} {
		s := activeState(t)
		register(t, s, at(0), requestOfRun("m1", "r1")) // opens the run, which the agent never closes
		if answered {
			apply(s, at(1), response(1, "x", "m1", true))
		}
		s.handOffAll(at(1))
		s.Tick(at(12))
		require.Equal(t, []string{workflows.AttentionRunStale}, s.View().Attention, name)
		s.handOffAll(at(12))
		wake, ok := s.NextWake(at(12))
		require.True(t, ok, name)
		require.Equal(t, at(75), wake, "%s: an hour after the force-failure should have come", name)

		s.Tick(at(74.9))
		require.NotEmpty(t, s.View().Attention, name)
		s.Tick(wake)
		s = carried(t, s)
		require.Empty(t, s.View().Attention, name)
		require.Equal(t, workflows.RunOpen, run(t, s, "r1").Status, name)
		require.Equal(t, at(12), run(t, s, "r1").WarnedAt, name)
		_, ok = s.NextWake(wake)
		require.False(t, ok, name)
		s.Tick(at(1000))
		require.Empty(t, s.State.Outbox.Waiting, "%s: it is not warned about again", name)

		touch(s, "r1", 1001)
		s.Tick(at(1013))
		require.Equal(t, []string{workflows.AttentionRunStale}, s.View().Attention, "%s: it goes on after all", name)
	}
}

func TestAPauseKeepsARunStaleForLonger(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	s.Tick(at(12))
	apply(s, at(20), paused(20, "user_paused"))
	s.Tick(at(100))
	require.Empty(t, s.View().Attention, "nothing is urgent meanwhile")
	apply(s, at(120), resumed(120))
	s.Tick(at(174.9))
	require.Equal(t, []string{workflows.AttentionRunStale}, s.View().Attention)
	s.Tick(at(175))
	require.Empty(t, s.View().Attention)
}

func TestTouchesMoveTheClockForwardOnly(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	s.Touch(workflows.TouchRuns{RunIDs: []string{"r1", "unknown"}, At: at(8)}, at(9))
	s.Touch(workflows.TouchRuns{RunIDs: []string{"r1"}, At: at(3)}, at(10))
	require.Equal(t, at(8), run(t, s, "r1").LastActiveAt)
	s.Touch(workflows.TouchRuns{RunIDs: []string{"r1"}, At: at(1000)}, at(11))
	require.Equal(t, at(11), run(t, s, "r1").LastActiveAt, "a clock that is ahead does not silence the warning")
	require.Len(t, s.State.Runs, 1)
}

func TestARunIsKnownFromItsApproval(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, at(1), requestOfRun("m1", "r1"))
	require.Equal(t, workflows.RunOpen, run(t, s, "r1").Status)
	register(t, s, at(5), requestOfRun("m2", "r1"))
	require.Equal(t, at(5), run(t, s, "r1").LastActiveAt, "sending a message is activity")
}

func TestAForceFailureVoidsTheRunsApprovals(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	register(t, s, noon, requestOfRun("m1", "r1"), requestOfRun("m2", "r2"), request("m3"))
	apply(s, at(16), forceFailed(16, "r1"))

	require.Equal(t, workflows.ApprovalVoided, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m2").Status)
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m3").Status)
	r := run(t, s, "r1")
	require.Equal(t, workflows.RunForceFailed, r.Status)
	require.InDelta(t, 16, r.StaleMinutes, 0)
	require.Len(t, s.due(at(16)), 2, "the approval's answer and the run's notice")
	require.Equal(t, workflows.NoticeRunForceFailed, s.waiting()[1].Kind)

	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(17), redelivered(forceFailed(16, "r1")))))
	require.Len(t, s.due(at(17)), 2)
}

func TestAForceFailureOfAnUnknownRunIsRemembered(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(16), forceFailed(16, "r1"))
	require.Equal(t, workflows.RunForceFailed, run(t, s, "r1").Status)
	_, err := s.Open(workflows.OpenRun{RunID: "r1"}, at(17))
	requireRefused(t, workflows.ErrTypeRunClosed, err)

	longest := strings.Repeat("r", 250)
	require.Equal(t, []workflows.EventResult{workflows.EventApplied}, results(apply(s, at(18), forceFailed(18, longest))))
	require.Equal(t, []workflows.EventResult{workflows.EventIgnored, workflows.EventIgnored}, results(apply(s, at(18), forceFailed(18, longest+"r"), forceFailed(18, ""))))
	require.Len(t, s.View().Runs, 2)
}

func TestAForceFailureOfAClosedRunVoidsItsApprovals(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, requestOfRun("m1", "r1"))
	_, err := s.Close(workflows.CloseRun{RunID: "r1", Reason: "done"}, at(1))
	require.NoError(t, err)
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
	require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(apply(s, at(16), forceFailed(16, "r1"))))
	require.Equal(t, workflows.RunClosed, run(t, s, "r1").Status)
	require.Equal(t, workflows.ApprovalVoided, approval(t, s, "m1").Status)
}

func TestARunIsOpenedAndClosedRepeatedly(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	other := &workflows.ReplyTo{WorkflowID: "order/8", Signal: "run"}
	again, err := s.Open(workflows.OpenRun{RunID: "r1", ReplyTo: other}, at(2))
	require.NoError(t, err)
	require.Equal(t, other, again.ReplyTo)
	require.Equal(t, at(0), again.OpenedAt)
	require.Equal(t, at(2), again.LastActiveAt)

	apply(s, at(3), paused(3, "user_paused"))
	_, err = s.Open(workflows.OpenRun{RunID: "r1"}, at(3))
	require.NoError(t, err, "one that is open goes on")
	_, err = s.Open(workflows.OpenRun{RunID: "r2"}, at(3))
	requireRefused(t, workflows.ErrTypeActivationPaused, err)
	_, err = s.Open(workflows.OpenRun{RunID: ""}, at(3))
	requireRefused(t, workflows.ErrTypeInvalidArgument, err)

	closed, err := s.Close(workflows.CloseRun{RunID: "r1", Reason: "done", By: "ada"}, at(4))
	require.NoError(t, err)
	require.Equal(t, workflows.RunClosed, closed.Status)
	require.Equal(t, "done (by ada)", closed.Reason)
	again, err = s.Close(workflows.CloseRun{RunID: "r1", Reason: "again"}, at(5))
	require.NoError(t, err)
	require.Equal(t, closed, again)
	_, err = s.Close(workflows.CloseRun{RunID: "r9"}, at(5))
	requireRefused(t, workflows.ErrTypeUnknownRun, err)
	_, ok := s.NextWake(at(5))
	require.False(t, ok, "nothing is left to warn about")

	apply(s, at(6), forceFailed(6, "r3"))
	_, err = s.Close(workflows.CloseRun{RunID: "r3"}, at(7))
	requireRefused(t, workflows.ErrTypeRunClosed, err)
}
