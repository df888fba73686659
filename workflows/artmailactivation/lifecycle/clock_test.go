package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

func TestAnApprovalExpiresAtItsDeadline(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, requestDue("m1", 10), requestDue("m2", 20), request("m3"))
	wake, ok := s.NextWake(noon)
	require.True(t, ok)
	require.Equal(t, at(10), wake)

	s.Tick(at(9.99))
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
	s.Tick(at(10))
	a := approval(t, s, "m1")
	require.Equal(t, workflows.ApprovalExpired, a.Status)
	require.Equal(t, workflows.NewsByClock, a.Source)
	require.Equal(t, at(10), a.ClosedAt)
	wake, _ = s.NextWake(at(10))
	require.Equal(t, at(20), wake)
	s.Tick(at(1e6))
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m3").Status, "without a deadline it waits as long as the activation lives")
}

func TestADeadlineInThePastExpiresAtOnceUnlessAnAnswerCameBefore(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(1), response(1, "m9", "m2", true))
	register(t, s, at(30), requestDue("m1", 10), requestDue("m2", 10))
	s.Tick(at(30))
	require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m2").Status)
}

func TestClocksStandStillWhilePaused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		events []workflows.ActivationEvent
		due    time.Time // of a deadline at 10, registered at 0; zero: it stands still
		warn   time.Time // of a run active at 0, warned about after 12 minutes
	}{
		{"never paused", nil, at(10), at(12)},
		{"paused", []workflows.ActivationEvent{paused(5, "")}, time.Time{}, time.Time{}},
		{"paused and resumed", []workflows.ActivationEvent{paused(5, ""), resumed(65)}, at(70), at(72)},
		{"the events came in the other order", []workflows.ActivationEvent{resumed(65), paused(5, "")}, at(70), at(72)},
		{"twice", []workflows.ActivationEvent{paused(2, ""), resumed(3), paused(5, ""), resumed(8)}, at(14), at(16)},
		{"two pauses and one resume are one pause", []workflows.ActivationEvent{paused(2, ""), paused(5, ""), resumed(8)}, at(16), at(18)},
		{"a pause that began before counts from the start of the clock", []workflows.ActivationEvent{paused(-30, ""), resumed(1)}, at(11), at(13)},
		{"a pause before the start of the clock does not count", []workflows.ActivationEvent{paused(-30, ""), resumed(-1)}, at(10), at(12)},
		{"a pause after the deadline moves only what was not due", []workflows.ActivationEvent{paused(11, ""), resumed(20)}, at(10), at(21)},
		{"a pause within what an earlier one added", []workflows.ActivationEvent{paused(5, ""), resumed(9), paused(11, ""), resumed(12)}, at(15), at(17)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			register(t, s, noon, requestDue("m1", 10))
			open(t, s, "r1", 0)
			for _, e := range tc.events {
				apply(s, at(65), e)
			}
			require.Equal(t, tc.due, approval(t, s, "m1").DueAt)
			wake, ok := s.NextWake(noon)
			require.Equal(t, !tc.due.IsZero(), ok)
			require.Equal(t, tc.due, wake)
			if !ok {
				s.Tick(at(1e6))
				require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
				return
			}
			s.Tick(tc.due)
			require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
			wake, ok = s.NextWake(tc.due)
			require.True(t, ok)
			require.Equal(t, tc.warn, wake)
		})
	}
}

func TestAnApprovalWaitsForAnswersThatCameDuringAnOutage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		s     *world
		until float64
	}{
		"its deadline passed":         {activeState(t), 10},
		"the time of its check ended": {reconciledState(t), 20},
	} {
		register(t, row.s, noon, requestDue("m1", 10))
		row.s.Tick(at(row.until - 10))
		if row.until == 20 {
			row.s.Tick(at(10))
			row.s.ReconcileFailed("m1", false, at(30))
		}
		row.s.Tick(at(30))
		s := carried(t, row.s)
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status, name)
		require.Empty(t, s.Reconcile(at(30)), name)
		wake, _ := s.NextWake(at(30))
		require.Equal(t, at(32), wake, name)

		answered := carried(t, s)
		apply(answered, at(30.2), response(9, "x", "m1", true))
		answered.Tick(at(30.2))
		require.Equal(t, workflows.ApprovalApproved, approval(t, answered, "m1").Status, name)

		s.Tick(at(31.9))
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status, name)
		s.Tick(wake)
		require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status, name)
	}
}

func TestAnApprovalWhoseDeadlineMovesWaitsForAnswersFromAnOutageAgain(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(20))
	apply(s, at(20.5), paused(2, ""), resumed(22))
	s.Tick(at(22))
	require.Equal(t, at(30), approval(t, s, "m1").DueAt)
	s.Tick(at(40))
	wake, _ := s.NextWake(at(40))
	require.Equal(t, at(42), wake)
	s.Tick(wake)
	require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
}

func TestAPauseEndsTheAttentionOfClocksThatStandStill(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
	register(t, s, noon, requestDue("m1", 10))
	open(t, s, "r1", 0)
	s.Tick(at(10))
	s.Tick(at(14))
	urgent := []string{workflows.AttentionCheckUnanswered, workflows.AttentionRunStale}
	require.Equal(t, urgent, lifecycle.Attention(s.Activation))
	apply(s, at(15), paused(15, "user_paused"))
	s.Tick(at(15))
	require.Empty(t, lifecycle.Attention(s.Activation))
	require.Zero(t, lifecycle.DueAt(s.Activation))
	require.NotContains(t, lifecycle.Details(s.Activation), "check")
	apply(s, at(40), resumed(40))
	s.Tick(at(40))
	require.Equal(t, urgent, lifecycle.Attention(s.Activation))
	require.Equal(t, at(10), lifecycle.DueAt(s.Activation), "the deadline passed before the pause")
}

func TestAPauseNeverMovesADeadlineBeyondJSON(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	r := request("m1")
	r.Deadline = time.Date(2199, 12, 31, 0, 0, 0, 0, time.UTC)
	register(t, s, noon, r)
	for i := range 40 {
		year := 2027 + 4*i
		pause, resume := paused(1, "user_paused"), resumed(1)
		pause.OccurredAt, resume.OccurredAt = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+4, 1, 1, 0, 0, 0, 0, time.UTC)
		pause.ReceivedAt, resume.ReceivedAt = pause.OccurredAt, resume.OccurredAt
		pause.DedupeKey, resume.DedupeKey = fmt.Sprint("p", i), fmt.Sprint("r", i)
		apply(s, resume.OccurredAt, pause, resume)
	}
	due := approval(t, s, "m1").DueAt
	require.Equal(t, time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), due)
	mustJSON(t, s.View())
	require.NotEmpty(t, lifecycle.Details(carried(t, s).Activation))
}
