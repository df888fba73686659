package lifecycle_test

import (
	"fmt"
	"strings"
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
		{"the news came in the other order", []workflows.ActivationEvent{resumed(65), paused(5, "")}, at(70), at(72)},
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

func checkedState(t testing.TB) *world {
	t.Helper()
	s := newWorld(t, workflows.ActivationOptions{CheckApprovalQueue: "pages-agent"})
	apply(s, noon, activated(0, "key"))
	return s
}

func TestAnApprovalIsCheckedAfterItsDeadlineBeforeItExpires(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	r := requestDue("m1", 10)
	r.RunID = "r1"
	register(t, s, noon, r)
	require.Empty(t, s.Reconcile(at(9)))
	s.Tick(at(10))
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
	require.Equal(t, []lifecycle.Reconcile{{
		Params: workflows.CheckApprovalParams{Agent: "pages", ActivationID: "act_1", MessageID: "m1", RunID: "r1", SealedAPIKey: []byte("sealed key")},
		Queue:  "pages-agent",
		Until:  at(20),
		Title:  "Check approval m1",
	}}, s.Reconcile(at(10)))
	require.Equal(t, s.Reconcile(at(15)), carried(t, s).Reconcile(at(15)), "a check under way goes on in the next run until the same moment")

	s.Reconciled("m1", workflows.CheckApprovalResult{Approved: ptr(true), Reason: "fine", MessageID: "m7"}, at(12))
	a := approval(t, s, "m1")
	require.Equal(t, workflows.ApprovalApproved, a.Status)
	require.Equal(t, workflows.NewsByPoll, a.Source)
	require.Equal(t, "m7", a.ResponseMessageID)
	require.Empty(t, s.Reconcile(at(12)))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(13), response(9, "m7", "m1", true))), "the webhook of the same answer")
	require.Len(t, s.due(at(13)), 1)
}

func TestACheckWithoutAnAnswerLetsTheApprovalExpire(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *world){
		"it failed for good":            func(s *world) { s.ReconcileFailed("m1", true, at(11)) },
		"it failed, and its time is up": func(s *world) { s.ReconcileFailed("m1", false, at(20)); s.Tick(at(20)) },
		"its time is up":                func(s *world) { s.Tick(at(20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := checkedState(t)
			register(t, s, noon, requestDue("m1", 10))
			s.Tick(at(10))
			end(s)
			require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
			s.Reconciled("m1", workflows.CheckApprovalResult{Approved: ptr(true)}, at(21))
			require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
			s.ReconcileFailed("unknown", true, at(21))
		})
	}
}

func TestACheckAfterAnOutageStillHasItsTime(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(300))
	require.Equal(t, at(310), s.Reconcile(at(300))[0].Until)
}

func TestAnApprovalWaitsForAnswersThatCameDuringAnOutage(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		s     *world
		until float64
	}{
		"its deadline passed":         {activeState(t), 10},
		"the time of its check ended": {checkedState(t), 20},
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

func TestAnApprovalWhoseDeadlineMovesWaitsForLateAnswersAgain(t *testing.T) {
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

func TestACheckStandsStillWhilePaused(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	apply(s, at(12), paused(12, "user_paused"))
	s.Tick(at(30))
	require.Empty(t, s.Reconcile(at(30)))
	apply(s, at(42), resumed(42))
	s.Tick(at(42))
	require.Equal(t, at(50), s.Reconcile(at(42))[0].Until)
	wake, _ := s.NextWake(at(42))
	require.Equal(t, at(43), wake, "it has brought nothing for two minutes")
	s.Tick(at(43))
	wake, _ = s.NextWake(at(43))
	require.Equal(t, at(50), wake)
}

func TestACheckThatFailsIsRepeatedUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	s.ReconcileFailed("m1", false, at(11))
	s.Tick(at(11))
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
	require.Empty(t, s.Reconcile(at(11)))
	wake, _ := s.NextWake(at(11))
	require.Equal(t, at(12), wake)
	require.Len(t, s.Reconcile(at(12)), 1)
	s.ReconcileFailed("m1", false, at(12))
	wake, _ = s.NextWake(at(12))
	require.Equal(t, at(14), wake, "the pauses grow")
	s.Tick(at(20))
	require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status)
}

func TestACheckThatFailsExpiresNothingWhileTheClockStandsStill(t *testing.T) {
	t.Parallel()
	for _, final := range []bool{false, true} {
		s := checkedState(t)
		register(t, s, noon, requestDue("m1", 10))
		s.Tick(at(10))
		apply(s, at(30), paused(15, ""))
		s.ReconcileFailed("m1", final, at(30))
		s.Tick(at(30))
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
		apply(s, at(40), resumed(40))
		s.Tick(at(40))
		require.Equal(t, at(45), s.Reconcile(at(40))[0].Until)

		s = checkedState(t)
		register(t, s, noon, requestDue("m1", 10))
		s.Tick(at(10))
		apply(s, at(11), paused(3, ""), resumed(9))
		s.ReconcileFailed("m1", final, at(11))
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status, "it is due at minute 16")
	}
}

func TestACheckWithoutAResultRaisesAttentionWithinMinutes(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	wake, _ := s.NextWake(at(10))
	require.Equal(t, at(13), wake)
	require.NotContains(t, lifecycle.Attention(s.Activation), workflows.AttentionCheckUnanswered)
	s.Tick(at(13))
	require.Contains(t, lifecycle.Attention(s.Activation), workflows.AttentionCheckUnanswered)
	require.Contains(t, lifecycle.Details(s.Activation), "the agent's worker has not answered its check for minutes")
	require.Len(t, s.Reconcile(at(13)), 1, "it goes on")

	s.Reconciled("m1", workflows.CheckApprovalResult{}, at(14))
	s.Tick(at(14))
	require.NotContains(t, lifecycle.Attention(s.Activation), workflows.AttentionCheckUnanswered, "an answer that finds nothing is one")
	s.Tick(at(15))
	s.Tick(at(18))
	require.Contains(t, lifecycle.Attention(s.Activation), workflows.AttentionCheckUnanswered, "the next check brings nothing")
	s.Tick(at(20))
	require.NotContains(t, lifecycle.Attention(s.Activation), workflows.AttentionCheckUnanswered, "it has expired")
}

func TestAPauseEndsTheAttentionOfClocksThatStandStill(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
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

func TestALatePauseEndsACheckThatBeganTooSoon(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	apply(s, at(11), paused(3, ""), resumed(9))
	s.Tick(at(11))
	require.Empty(t, s.Reconcile(at(11)))
	s.Tick(at(16))
	require.Equal(t, at(26), s.Reconcile(at(16))[0].Until)
}

func TestTheTitleOfACheckIsAlwaysShort(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	r := requestDue(strings.Repeat("<", 250), 10)
	r.Subject = ""
	register(t, s, noon, r)
	s.Tick(at(10))
	require.Less(t, len(mustJSON(t, s.Reconcile(at(10))[0].Title)), 400)
}

func TestACheckWithoutAnAnswerIsNoRejection(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	now, checks := at(10), 0
	for approval(t, s, "m1").Status == workflows.ApprovalOpen {
		s.Tick(now)
		s = carried(t, s)
		if len(s.Reconcile(now)) > 0 {
			checks++
			s.Reconciled("m1", workflows.CheckApprovalResult{}, now)
			require.Empty(t, s.Reconcile(now), "not at once again")
			require.Empty(t, s.waiting())
		}
		next, ok := s.NextWake(now)
		if !ok {
			break
		}
		now = next
	}
	require.Equal(t, 4, checks, "after 0, 1, 3 and 7 minutes")
	a := approval(t, s, "m1")
	require.Equal(t, workflows.ApprovalExpired, a.Status)
	require.Equal(t, at(20), a.ClosedAt)
	require.Equal(t, workflows.NewsByClock, a.Source)
}

func TestACheckWithAnAnswerCountsAfterOneWithout(t *testing.T) {
	t.Parallel()
	s := checkedState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	s.Reconciled("m1", workflows.CheckApprovalResult{}, at(10))
	require.Len(t, s.Reconcile(at(11)), 1)
	s.Reconciled("m1", workflows.CheckApprovalResult{Approved: ptr(false), Reason: "no"}, at(11))
	require.Equal(t, workflows.ApprovalRejected, approval(t, s, "m1").Status)
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
