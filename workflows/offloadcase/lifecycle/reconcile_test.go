package lifecycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestReconcilingStartsAfterSilenceAndAWebhookDelaysIt(t *testing.T) {
	t.Parallel()
	c := running()
	require.Nil(t, lifecycle.Next(c, after(14)).Reconcile)
	params := lifecycle.Next(c, after(15)).Reconcile
	require.Equal(t, workflows.OffloadRunning, params.Known.Status)
	require.Equal(t, time.Minute, params.Floor.Std())
	require.Equal(t, time.Hour, params.Ceiling.Std())

	c = received(c, inputNeeded("q1", 20), after(20))
	fx := lifecycle.Next(c, after(20))
	require.Nil(t, fx.Reconcile, "the one under way is given up")
	require.Equal(t, after(35), fx.Wake)
	known := lifecycle.Next(c, after(35)).Reconcile.Known
	require.Equal(t, workflows.KnownCase{Status: workflows.OffloadInputNeeded, UpdatedAt: after(20), QuestionID: "q1", QuestionStatus: "PENDING"}, known)
}

func TestReadingIsSlowerWhileAPersonIsAskedAndFasterAfterAnAnswer(t *testing.T) {
	t.Parallel()
	asked := lifecycle.Next(asked(), after(60)).Reconcile
	require.Equal(t, 10*time.Minute, asked.Floor.Std())
	require.Equal(t, time.Hour, asked.Ceiling.Std())
	require.Equal(t, asked, lifecycle.Next(answering(), after(60)).Reconcile, "an answer on its way restarts nothing")
	answered := lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	sent := lifecycle.Next(answered, after(22)).Reconcile
	require.Equal(t, time.Minute, sent.Floor.Std())
	require.Equal(t, 10*time.Minute, sent.Ceiling.Std())
	require.Equal(t, workflows.QuestionResolved, sent.Known.QuestionStatus, "what is expected is no news")
}

func TestNewsByPollIsFollowedByTheNextRead(t *testing.T) {
	t.Parallel()
	c := reconciled(running(), read(inputNeeded("q1", 20)), after(30))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.NotNil(t, lifecycle.Next(c, after(30)).Reconcile)
	for name, news := range map[string]workflows.CaseSnapshot{
		"another question": read(inputNeeded("q2", 20)), "another status": shows(workflows.OffloadRunning, 20),
	} {
		require.NotNil(t, lifecycle.Next(reconciled(asked(), news, after(30)), after(30)).Reconcile, name)
	}
	silent := reconciled(running(), shows(workflows.OffloadInputNeeded, 20), after(30))
	require.NotNil(t, lifecycle.Next(silent, after(30)).Reconcile, "another status without a question")
	same := reconciled(asked(), shows(workflows.OffloadInputNeeded, 20), after(30))
	require.Equal(t, after(31), lifecycle.Next(same, after(30)).Wake, "only a time has changed")
}

func TestReconcileNowReadsNowAndKeepsTheTimeOfTheNextRead(t *testing.T) {
	t.Parallel()
	c := running()
	require.Nil(t, lifecycle.Next(c, after(5)).Reconcile, "the next read is at minute 15")
	c = lifecycle.ReconcileNow(c, workflows.ReconcileNow{By: "ada"}, after(5))
	require.Equal(t, &workflows.Check{By: "ada", At: after(5)}, lifecycle.View(c).Check)
	require.Contains(t, lifecycle.WaitingFor(c), "`ada`")
	first := lifecycle.Next(c, after(5)).Reconcile
	require.Zero(t, first.Known, "nothing is known, so that the read always returns and the check ends")
	require.Equal(t, 1, first.Check, "checks are counted")

	again := lifecycle.ReconcileNow(c, workflows.ReconcileNow{By: "grace"}, after(6))
	require.NotEqual(t, first, lifecycle.Next(again, after(6)).Reconcile, "one that waits for its next attempt begins again")

	c = reconciled(again, shows(workflows.OffloadRunning, 0), after(7))
	require.Nil(t, lifecycle.View(c).Check)
	fx := lifecycle.Next(c, after(7))
	require.Nil(t, fx.Reconcile)
	require.Equal(t, after(15), fx.Wake)
}

func TestReconcileNowWhileReconcilingIsFollowedByTheNextReadAfterTheFloor(t *testing.T) {
	t.Parallel()
	c := reconciled(running(), shows(workflows.OffloadRunning, 0), after(20))
	require.NotNil(t, lifecycle.Next(c, after(90)).Reconcile)
	before := lifecycle.Next(c, after(90)).Reconcile
	c = lifecycle.ReconcileNow(c, workflows.ReconcileNow{}, after(90))
	require.NotEqual(t, before, lifecycle.Next(c, after(90)).Reconcile, "the server may be hours from its next attempt")
	c = reconciled(c, shows(workflows.OffloadRunning, 0), after(91))
	fx := lifecycle.Next(c, after(91))
	require.Nil(t, fx.Reconcile, "no hot loop")
	require.Equal(t, after(92), fx.Wake)
	require.Zero(t, lifecycle.Next(c, after(92)).Reconcile.Check)
}

func TestReconcileNowBringsNewsAsAnyReadDoes(t *testing.T) {
	t.Parallel()
	c := lifecycle.ReconcileNow(running(), workflows.ReconcileNow{}, after(5))
	c = reconciled(c, read(inputNeeded("q1", 4)), after(5))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Nil(t, lifecycle.View(c).Check)
}

func TestAFailedReconcileNowEndsAndIsNotRepeatedInALoop(t *testing.T) {
	t.Parallel()
	c := lifecycle.ReconcileNow(running(), workflows.ReconcileNow{}, after(5))
	unauthorized := rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized, Message: "says the provider"}
	c = reconcileFailed(c, unauthorized, after(6))
	require.NotNil(t, lifecycle.View(c).Check, "the server tries it again slowly")
	require.NotNil(t, lifecycle.Next(c, after(6)).Reconcile)
	c = reconcileFailed(c, unauthorized, after(7))
	require.Nil(t, lifecycle.View(c).Check)
	require.Nil(t, lifecycle.Next(c, after(7)).Reconcile)
	require.Equal(t, "says the provider", c.State.LastError)
}

func TestReconcileNowChangesNothingWhereThereIsNothingToRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]lifecycle.Case{
		"creating":  began(),
		"uncertain": lifecycle.CreateFailed(began(), rules.Failure{Type: workflows.ErrTypeOffloadUncertain}, after(1)),
		"completed": received(running(), completed(10), after(10)),
		"cancelled": lifecycle.Cancel(running(), workflows.CancelCase{}, after(10)),
	} {
		require.Equal(t, c, lifecycle.ReconcileNow(c, workflows.ReconcileNow{By: "ada"}, after(11)), name)
	}
	c := received(running(), unproven(completed(10)), after(10))
	c = lifecycle.ReconcileNow(c, workflows.ReconcileNow{}, after(11))
	fx := lifecycle.Next(c, after(11))
	require.NotNil(t, fx.Read, "the read that begins now is the check")
	require.Nil(t, fx.Reconcile)
	c = readOnce(c, caseID, shows(workflows.OffloadRunning, 11), after(12))
	require.Nil(t, lifecycle.View(c).Check)
}

func TestUnchangedReadsBackOff(t *testing.T) {
	t.Parallel()
	stale := shows(workflows.OffloadRunning, 5)
	c := received(running(), inputNeeded("q1", 10), after(10))
	c = reconciled(c, stale, after(30))
	requireStatus(t, workflows.CaseInputNeeded, c)
	fx := lifecycle.Next(c, after(30))
	require.Nil(t, fx.Reconcile)
	require.Equal(t, after(31), fx.Wake)
	require.Equal(t, workflows.OffloadRunning, lifecycle.Next(c, after(31)).Reconcile.Known.Status, "what was read last is known")

	c = reconciled(c, stale, after(31))
	require.Equal(t, after(91), lifecycle.Next(c, after(31)).Wake)
}

func TestATroubleWhileReconcilingRaisesAttentionAndIsRetriedSlowly(t *testing.T) {
	t.Parallel()
	for errorType, attention := range map[string]string{
		workflows.ErrTypeOffloadNotFound:       "case_not_found",
		workflows.ErrTypeOffloadUnauthorized:   "unauthorized",
		workflows.ErrTypeOffloadForbidden:      "forbidden",
		workflows.ErrTypeOffloadUnknownAccount: "account",
		workflows.ErrTypeOffloadUnreadable:     "unreadable_answer",
		workflows.ErrTypeOffloadUnreachable:    "unreachable",
	} {
		t.Run(attention, func(t *testing.T) {
			t.Parallel()
			trouble := rules.Failure{Type: errorType, Message: "says the provider"}
			c := reconcileFailed(running(), trouble, after(20))
			requireStatus(t, workflows.CaseRunning, c)
			require.Equal(t, []string{attention}, lifecycle.Attention(c.State))
			require.Equal(t, "says the provider", c.State.LastError)
			fx := lifecycle.Next(c, after(20))
			require.NotNil(t, fx.Reconcile)
			require.Equal(t, []string{attention}, fx.KnownTroubles)

			again := reconcileFailed(c, trouble, after(21))
			require.Nil(t, lifecycle.Next(again, after(21)).Reconcile)
			require.Equal(t, after(81), lifecycle.Next(again, after(21)).Wake)

			over := reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadNoNews}, after(500))
			require.Empty(t, lifecycle.Attention(over.State))
			require.Empty(t, lifecycle.Next(over, after(500)).KnownTroubles)
			require.Nil(t, lifecycle.Next(over, after(500)).Reconcile)
			require.Equal(t, after(501), lifecycle.Next(over, after(500)).Wake, "a trouble that comes and goes does not read without pauses")
			require.Empty(t, lifecycle.Attention(reconciled(c, shows(workflows.OffloadRunning, 30), after(31)).State))
		})
	}
}

func TestTheFirstReadAfterUnreachableKeepsThePauseThatOffloadAskedFor(t *testing.T) {
	t.Parallel()
	away := rules.Failure{Type: workflows.ErrTypeOffloadUnreachable, Message: "503", RetryAfter: 24 * time.Hour}
	for name, c := range map[string]lifecycle.Case{
		"after a silence":     running(),
		"after reconcile-now": lifecycle.ReconcileNow(running(), workflows.ReconcileNow{By: "ada"}, after(19)),
	} {
		c = reconcileFailed(c, away, after(20))
		require.Equal(t, []string{"unreachable"}, lifecycle.Attention(c.State), name)
		fx := lifecycle.Next(c, after(20))
		require.Nil(t, fx.Reconcile, name)
		require.Equal(t, after(20+24*60), fx.Wake, name)
		require.Nil(t, lifecycle.View(c).Check, "%s: its read has failed", name)
		fx = lifecycle.Next(c, after(20+24*60))
		require.NotNil(t, fx.Reconcile, name)
		require.Equal(t, []string{"unreachable"}, fx.KnownTroubles, "%s: the server retries it", name)
		require.NotNil(t, lifecycle.Next(lifecycle.ReconcileNow(c, workflows.ReconcileNow{}, after(21)), after(21)).Reconcile, "%s: a person may ask", name)
	}
}

func TestTheServerRetriesAlternatingTroubles(t *testing.T) {
	t.Parallel()
	troubles := []string{workflows.ErrTypeOffloadForbidden, workflows.ErrTypeOffloadUnknownAccount, workflows.ErrTypeOffloadUnauthorized}
	for name, call := range map[string]struct {
		c      lifecycle.Case
		failed func(lifecycle.Case, rules.Failure, time.Time) lifecycle.Case
	}{
		"the creation": {began(), lifecycle.CreateFailed},
		"reconciling":  {running(), reconcileFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := call.c
			for _, trouble := range troubles {
				require.Contains(t, lifecycle.TroubleTypes(lifecycle.Next(c, after(20)).KnownTroubles...), trouble)
				c = call.failed(c, rules.Failure{Type: trouble}, after(20))
			}
			require.Equal(t, []string{"unauthorized"}, lifecycle.Attention(c.State), "the newest")
			for range 10 {
				for _, trouble := range troubles[1:] {
					c = call.failed(c, rules.Failure{Type: trouble}, after(20))
				}
			}
			for _, trouble := range troubles {
				require.NotContains(t, lifecycle.TroubleTypes(lifecycle.Next(c, after(20)).KnownTroubles...), trouble)
			}
		})
	}
	over := reconcileFailed(running(), rules.Failure{Type: troubles[1]}, after(20))
	over = reconcileFailed(over, rules.Failure{Type: troubles[2]}, after(20))
	over = reconciled(over, shows(workflows.OffloadRunning, 30), after(31))
	over = reconcileFailed(over, rules.Failure{Type: troubles[2]}, after(40))
	require.Equal(t, []string{"unauthorized"}, lifecycle.Next(over, after(40)).KnownTroubles, "a success ends both")
}

func TestAFailureOfAnyOtherTypeRaisesAttentionAndIsRetriedSlowly(t *testing.T) {
	t.Parallel()
	for _, errorType := range []string{"", workflows.ErrTypeOffloadInvalidRequest, workflows.ErrTypeOffloadUncertain, "of another release"} {
		failure := rules.Failure{Type: errorType, Message: "can't decode"}
		c := reconcileFailed(running(), failure, after(20))
		require.Equal(t, []string{"unreadable_answer"}, lifecycle.Attention(c.State), errorType)
		require.Equal(t, "can't decode", c.State.LastError)
		fx := lifecycle.Next(c, after(20))
		require.Nil(t, fx.Reconcile)
		require.Equal(t, after(80), fx.Wake)

		again := reconcileFailed(c, failure, after(80))
		require.Equal(t, []string{"unreadable_answer"}, lifecycle.Attention(again.State))
		require.Equal(t, after(140), lifecycle.Next(again, after(80)).Wake, "no hot loop")
		require.Empty(t, lifecycle.Attention(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadNoNews}, after(81)).State))
		require.Empty(t, lifecycle.Attention(reconciled(c, shows(workflows.OffloadRunning, 30), after(81)).State))
	}
	cancelled := reconcileFailed(running(), rules.Failure{Type: rules.FailureCancelled}, after(20))
	require.Empty(t, lifecycle.Attention(cancelled.State))
}

func TestNoNewsIsReadAgainAfterTheFloor(t *testing.T) {
	t.Parallel()
	c := reconcileFailed(running(), rules.Failure{Type: workflows.ErrTypeOffloadNoNews}, after(20))
	require.Equal(t, after(21), lifecycle.Next(c, after(20)).Wake)
}

func TestAReconcileThatShowsTheEndCompletesAHeldEnd(t *testing.T) {
	t.Parallel()
	c := received(running(), omittingFiles(failed(20)), after(20))
	c = reconciled(c, shows(workflows.OffloadFailed, 20), after(20))
	outcome := lifecycle.Outcome(c)
	require.Equal(t, workflows.CaseFailed, outcome.Status)
	require.Equal(t, "nobody answered", *outcome.Facts.FailureReason)
	require.Empty(t, outcome.Unknown)
}

func TestAReadThatBeganBeforeAnEventDoesNotCompleteIt(t *testing.T) {
	t.Parallel()
	asking := received(running(), untimed(inputNeeded("q1", 10)), after(10))
	before := lifecycle.Next(asking, after(10)).Read
	for name, c := range map[string]lifecycle.Case{
		"an end that omits its files": received(asking, omittingFiles(failed(11)), after(11)),
		"a question that was cut":     received(asking, cut(inputNeeded("q2", 11)), after(11)),
	} {
		require.NotEqual(t, before, lifecycle.Next(c, after(11)).Read, "%s: it begins again", name)
		require.Equal(t, c, lifecycle.ReadDone(c, *before, shows(workflows.OffloadRunning, 10), after(11)), name)
		require.Equal(t, c, lifecycle.ReadFailed(c, *before, rules.Failure{Message: "no route"}, after(11)), name)
	}
}

func TestAReconcileOfAnotherCaseChangesNothing(t *testing.T) {
	t.Parallel()
	c := adopted(uncertain(), 2)
	params := *lifecycle.Next(c, after(2)).Reconcile
	another := event("", workflows.OffloadRunning, 3)
	another.Facts.CaseID = "another"
	c = received(c, another, after(3))
	require.Equal(t, c, lifecycle.ReconcileFailed(c, params, rules.Failure{Type: workflows.ErrTypeOffloadNotFound, Message: "not found"}, after(3)))
	require.Equal(t, c, lifecycle.Reconciled(c, params, shows(workflows.OffloadRunning, 3), after(3)))
	require.Equal(t, []string{"second_case"}, lifecycle.Attention(c.State))
}

func TestAReadBeforeReconcileNowDoesNotAnswerIt(t *testing.T) {
	t.Parallel()
	params := *lifecycle.Next(running(), after(15)).Reconcile
	c := lifecycle.ReconcileNow(running(), workflows.ReconcileNow{By: "ada"}, after(20))
	for name, c := range map[string]lifecycle.Case{
		"that has news": lifecycle.Reconciled(c, params, shows(workflows.OffloadRunning, 19), after(20)),
		"that failed":   lifecycle.ReconcileFailed(c, params, rules.Failure{Message: "no route"}, after(20)),
	} {
		require.NotNil(t, lifecycle.View(c).Check, name)
		require.Equal(t, 1, lifecycle.Next(c, after(20)).Reconcile.Check, name)
	}
	c = received(running(), unproven(completed(10)), after(10))
	single := *lifecycle.Next(c, after(10)).Read
	c = lifecycle.ReconcileNow(c, workflows.ReconcileNow{By: "ada"}, after(11))
	c = lifecycle.ReadDone(c, single, shows(workflows.OffloadRunning, 10), after(11))
	require.NotNil(t, lifecycle.View(c).Check, "a single read")
}
