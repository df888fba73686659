package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

func reconciledState(t testing.TB) *world {
	t.Helper()
	s := newWorld(t, workflows.ActivationOptions{CheckApprovalQueue: "pages-agent"})
	apply(s, noon, activated(0, "key"))
	return s
}

func TestAnApprovalIsReconciledAfterItsDeadlineBeforeItExpires(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
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

func TestAReconcileWithoutAnAnswerLetsTheApprovalExpire(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(s *world){
		"it failed for good":            func(s *world) { s.ReconcileFailed("m1", true, at(11)) },
		"it failed, and its time is up": func(s *world) { s.ReconcileFailed("m1", false, at(20)); s.Tick(at(20)) },
		"its time is up":                func(s *world) { s.Tick(at(20)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := reconciledState(t)
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

func TestAReconcileAfterAnOutageStillHasItsTime(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(300))
	require.Equal(t, at(310), s.Reconcile(at(300))[0].Until)
}

func TestAReconcileStandsStillWhilePaused(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
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

func TestAReconcileThatFailsIsRepeatedUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
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

func TestAReconcileThatFailsExpiresNothingWhileTheClockStandsStill(t *testing.T) {
	t.Parallel()
	for _, final := range []bool{false, true} {
		s := reconciledState(t)
		register(t, s, noon, requestDue("m1", 10))
		s.Tick(at(10))
		apply(s, at(30), paused(15, ""))
		s.ReconcileFailed("m1", final, at(30))
		s.Tick(at(30))
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
		apply(s, at(40), resumed(40))
		s.Tick(at(40))
		require.Equal(t, at(45), s.Reconcile(at(40))[0].Until)

		s = reconciledState(t)
		register(t, s, noon, requestDue("m1", 10))
		s.Tick(at(10))
		apply(s, at(11), paused(3, ""), resumed(9))
		s.ReconcileFailed("m1", final, at(11))
		require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status, "it is due at minute 16")
	}
}

func TestAReconcileWithoutAResultRaisesAttentionWithinMinutes(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
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

func TestALatePauseEndsAReconcileThatBeganTooSoon(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	apply(s, at(11), paused(3, ""), resumed(9))
	s.Tick(at(11))
	require.Empty(t, s.Reconcile(at(11)))
	s.Tick(at(16))
	require.Equal(t, at(26), s.Reconcile(at(16))[0].Until)
}

func TestTheTitleOfAReconcileIsAlwaysShort(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
	r := requestDue(strings.Repeat("<", 250), 10)
	r.Subject = ""
	register(t, s, noon, r)
	s.Tick(at(10))
	require.Less(t, len(mustJSON(t, s.Reconcile(at(10))[0].Title)), 400)
}

func TestAReconcileWithoutAnAnswerIsNoRejection(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
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

func TestAReconcileWithAnAnswerCountsAfterOneWithout(t *testing.T) {
	t.Parallel()
	s := reconciledState(t)
	register(t, s, noon, requestDue("m1", 10))
	s.Tick(at(10))
	s.Reconciled("m1", workflows.CheckApprovalResult{}, at(10))
	require.Len(t, s.Reconcile(at(11)), 1)
	s.Reconciled("m1", workflows.CheckApprovalResult{Approved: ptr(false), Reason: "no"}, at(11))
	require.Equal(t, workflows.ApprovalRejected, approval(t, s, "m1").Status)
}
