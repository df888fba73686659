package lifecycle_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestAnEndByWebhookHasAllFields(t *testing.T) {
	t.Parallel()
	c := received(running(replying), failed(10), after(10))
	outcome := lifecycle.Outcome(c)
	require.Equal(t, workflows.CaseFailed, outcome.Status)
	require.Equal(t, "max_retries", outcome.ResultStatus)
	require.Equal(t, "nobody answered", *outcome.Facts.FailureReason)
	require.Equal(t, workflows.NewsByWebhook, outcome.Source)
	require.Empty(t, outcome.Unknown)
	require.Equal(t, after(10), outcome.EndedAt)
	fx := lifecycle.Next(c, after(10))
	require.True(t, fx.Ended)
	require.Equal(t, outcome, *fx.HandOff.Notices[0].Data.Outcome)
	require.Nil(t, fx.Reconcile)
	require.Zero(t, fx.Wake)
}

func TestAnEndByPollNamesTheFieldsThatOnlyWebhooksHave(t *testing.T) {
	t.Parallel()
	byPoll := lifecycle.Outcome(reconciled(running(), read(failed(10)), after(30)))
	require.Equal(t, workflows.NewsByPoll, byPoll.Source)
	require.Equal(t, []string{"failureReason"}, byPoll.Unknown, "the app knows the metadata: it sent none")

	own := running(func(s *workflows.CaseStart) { s.Request.Metadata = json.RawMessage(`{"vendorId":"v1"}`) })
	require.JSONEq(t, `{"vendorId":"v1"}`, string(lifecycle.Outcome(reconciled(own, read(failed(10)), after(30))).Facts.Metadata))

	withQuestion := lifecycle.Outcome(reconciled(asked(), read(completed(30)), after(31)))
	require.Empty(t, withQuestion.Unknown, "an earlier webhook without metadata says that there is none")

	late := received(reconciled(running(), read(failed(10)), after(30)), failed(10), after(31))
	require.Empty(t, lifecycle.Outcome(late).Unknown, "a webhook that just misses the end still completes it")
	require.Equal(t, 1, late.State.LateEvents)
	require.Equal(t, workflows.NewsByPoll, lifecycle.Outcome(late).Source)
	require.Nil(t, lifecycle.View(late).LastApplied, "it came too late to be applied")
	byWebhook := lifecycle.View(received(running(), failed(10), after(11)))
	require.Equal(t, &workflows.AppliedEvent{AcceptedAt: after(10), AppliedAt: after(11)}, byWebhook.LastApplied)
}

func TestEveryResultStatusPassesThrough(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"max_retries", "failed_rejected", "BOUNCED", "COMPLAINED", "REJECTED", "something_new"} {
		e := failed(10)
		e.Facts.ResultStatus = status
		require.Equal(t, status, lifecycle.Outcome(received(running(), e, after(10))).ResultStatus)
	}
}

func TestTheFirstOfTwoContradictingEndsCountsAndRaisesAttention(t *testing.T) {
	t.Parallel()
	bounced := failed(11)
	bounced.Facts.ResultStatus = "BOUNCED"
	for name, row := range map[string]struct{ first, second workflows.CaseEvent }{
		"completed, then failed":         {completed(10), failed(11)},
		"failed, then completed":         {failed(10), completed(11)},
		"the second is older":            {failed(10), completed(9)},
		"failed twice for other reasons": {failed(10), bounced},
		"the second has no time":         {completed(10), untimed(failed(11))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := received(running(), row.first, after(12))
			c := received(first, row.second, after(13))
			require.Equal(t, first.State.Facts, c.State.Facts)
			require.Equal(t, first.State.Status, c.State.Status)
			require.Equal(t, []string{workflows.AttentionConflict}, lifecycle.Attention(c.State))
			if !row.second.OccurredAt.IsZero() {
				polled := reconciled(first, read(row.second), after(13))
				require.Equal(t, []string{workflows.AttentionConflict}, lifecycle.Attention(polled.State))
			}
		})
	}
	spoof := received(received(running(), completed(10), after(10)), unproven(failed(11)), after(11))
	require.Empty(t, lifecycle.Attention(spoof.State), "an unproven event contradicts nothing")
}

func TestNothingChangesTheStatusAfterTheEnd(t *testing.T) {
	t.Parallel()
	reason := workflows.CancelCase{By: "ada"}
	for name, end := range map[string]lifecycle.Case{
		"completed": received(asked(), completed(30), after(30)),
		"failed":    reconciled(asked(), read(failed(30)), after(30)),
		"cancelled": lifecycle.Cancel(asked(), reason, after(30)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same := func(next lifecycle.Case) {
				t.Helper()
				require.Equal(t, end.State.Status, next.State.Status)
				require.Equal(t, end.State.Source, next.State.Source)
				require.Equal(t, end.State.Since, next.State.Since)
				fx := lifecycle.Next(next, after(1000))
				require.Equal(t, lifecycle.Effects{Ended: true, HandOff: fx.HandOff, KnownTroubles: fx.KnownTroubles}, fx)
				require.Len(t, fx.HandOff.Notices, 1, "the outcome")
				require.True(t, lifecycle.Next(lifecycle.HandOffSucceeded(next, *fx.HandOff), after(1000)).Done)
			}
			same(received(end, inputNeeded("q2", 40), after(40)))
			same(received(end, completed(40), after(40)))
			same(received(end, untimed(failed(40)), after(40)))
			same(reconciled(end, shows(workflows.OffloadRunning, 40), after(40)))
			same(readOnce(end, caseID, read(completed(40)), after(40)))
			same(lifecycle.Cancel(end, reason, after(40)))
			same(lifecycle.Tick(end, after(40)))
			same(reconcileFailed(end, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(40)))
			same(readFailed(end, caseID, rules.Failure{}, after(40)))
			same(lifecycle.Answered(end, "q1", workflows.ProvideInputResult{Result: workflows.InputMismatch}, after(40)))
		})
	}
}

func TestAnAnswerThatRacesTheEndIsSettledAfterIt(t *testing.T) {
	t.Parallel()
	c := received(answering(), completed(21), after(21))
	requireStatus(t, workflows.CaseCompleted, c)
	require.Nil(t, lifecycle.Next(c, after(21)).Answer, "it is given up")
	given := lifecycle.AnswerFailed(c, "q1", rules.Failure{Type: rules.FailureCancelled}, after(21))
	require.Equal(t, workflows.InputUnsettled, lifecycle.Outcome(given).Answers[0].Result)
	refused := lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputNotWaiting}, after(21))
	require.Equal(t, workflows.InputNotWaiting, lifecycle.Outcome(refused).Answers[0].Result)
}

func TestCancellingEndsTheCaseAndSaysThatOffloadGoesOn(t *testing.T) {
	t.Parallel()
	cancel := workflows.CancelCase{Reason: "not needed", By: "ada"}
	c := lifecycle.Cancel(running(), cancel, after(10))
	outcome := lifecycle.Outcome(c)
	require.Equal(t, workflows.CaseCancelled, outcome.Status)
	require.Equal(t, "cancelled by ada: not needed", outcome.Reason)
	require.Equal(t, []string{"still_running"}, outcome.Attention)
	require.Equal(t, workflows.NewsByApp, outcome.Source)

	c = received(c, completed(11), after(11))
	require.Empty(t, lifecycle.Outcome(c).Attention, "now it runs no more")
	requireStatus(t, workflows.CaseCancelled, c)

	c = lifecycle.Cancel(received(uncertain(), inputNeeded("q1", 9), after(9)), cancel, after(10))
	require.Empty(t, lifecycle.Attention(received(c, completed(11), after(11)).State), "its webhook settled the creation")
}

func TestCancellingDuringTheCreationWaitsForItsResult(t *testing.T) {
	t.Parallel()
	c := lifecycle.Cancel(began(), workflows.CancelCase{}, after(1))
	require.Nil(t, lifecycle.Next(c, after(1)).Create)
	for name, row := range map[string]struct {
		settled   lifecycle.Case
		caseID    string
		attention []string
	}{
		"it was made":        {lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, after(2)), caseID, []string{"still_running"}},
		"it was not":         {lifecycle.CreateFailed(c, rules.Failure{Type: rules.FailureCancelled}, after(2)), "", nil},
		"it can't be":        {lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(2)), "", nil},
		"it is uncertain":    {lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUncertain}, after(2)), "", []string{"still_running"}},
		"its webhook proves": {received(c, inputNeeded("q1", 1), after(2)), caseID, []string{"still_running"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome := lifecycle.Outcome(row.settled)
			require.Equal(t, workflows.CaseCancelled, outcome.Status)
			require.Equal(t, row.caseID, outcome.CaseID)
			require.Equal(t, row.attention, outcome.Attention)
		})
	}
}

func TestTheDeadlineEndsTheCaseAfterALastRead(t *testing.T) {
	t.Parallel()
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(10) })
	c := running(deadline)
	require.Equal(t, after(10), lifecycle.Next(c, after(1)).Wake)
	c = lifecycle.Tick(c, after(10))
	requireStatus(t, workflows.CaseRunning, c)
	fx := lifecycle.Next(c, after(10))
	require.NotNil(t, fx.Read)
	require.Zero(t, fx.Wake)
	require.Contains(t, lifecycle.WaitingFor(c), "last read")

	expired := readOnce(c, caseID, shows(workflows.OffloadRunning, 5), after(10))
	outcome := lifecycle.Outcome(expired)
	require.Equal(t, workflows.CaseExpired, outcome.Status)
	require.Equal(t, workflows.NewsByClock, outcome.Source)
	require.Equal(t, []string{"still_running"}, outcome.Attention)
	require.Contains(t, outcome.Reason, "2026-03-21T12:10:00Z")

	requireStatus(t, workflows.CaseCompleted, readOnce(c, caseID, read(completed(9)), after(10)))
	requireStatus(t, workflows.CaseCompleted, received(c, completed(9), after(10)))
	blind := readFailed(c, caseID, rules.Failure{Message: "no route"}, after(12))
	require.Contains(t, lifecycle.Outcome(blind).Reason, "no route")

	c = lifecycle.Tick(uncertain(deadline), after(10))
	requireStatus(t, workflows.CaseExpired, c)
	require.Equal(t, []string{"still_running"}, lifecycle.Attention(c.State), "it may exist")
}

func TestADeadlineThatPassedDuringAnOutageWaitsForEventsFromIt(t *testing.T) {
	t.Parallel()
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(10) })
	for name, before := range map[string]lifecycle.Case{"running": running(deadline), "uncertain": uncertain(deadline), "not created": began(deadline)} {
		c := lifecycle.Tick(before, after(20))
		requireStatus(t, before.State.Status, c)
		fx := lifecycle.Next(c, after(20))
		require.Nil(t, fx.Create, "a case that is about to expire is not created")
		require.Nil(t, fx.Read, name)
		require.Equal(t, after(22), fx.Wake, name)
		require.Contains(t, lifecycle.WaitingFor(c), "events from an outage", name)

		requireStatus(t, workflows.CaseCompleted, received(c, completed(9), after(21)))
		requireStatus(t, workflows.CaseCancelled, lifecycle.Cancel(c, workflows.CancelCase{}, after(21)))
		c = lifecycle.Tick(c, after(22).Add(-1))
		requireStatus(t, before.State.Status, c)
		c = lifecycle.Tick(c, after(22))
		if name == "running" {
			require.NotNil(t, lifecycle.Next(c, after(22)).Read)
			c = readOnce(c, caseID, shows(workflows.OffloadRunning, 5), after(22))
		}
		requireStatus(t, workflows.CaseExpired, c)
	}

	late := lifecycle.Tick(uncertain(deadline), after(20))
	require.ErrorContains(t, lifecycle.CheckRetryCreate(late, workflows.RetryCreate{By: "ada"}), "no case is created any more")
	require.Contains(t, lifecycle.Details(uncertain(deadline)), "retry-create")
	require.NotContains(t, lifecycle.Details(late), "retry-create")
	requireStatus(t, workflows.CaseExpired, lifecycle.Tick(uncertain(deadline), after(10).Add(30*time.Second)))
	once := lifecycle.Tick(uncertain(deadline), after(20))
	requireStatus(t, workflows.CaseExpired, lifecycle.Tick(once, after(60)))
}

func TestACreationIsGivenUpWhileTheCaseWaitsForEventsFromAnOutage(t *testing.T) {
	t.Parallel()
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(10) })
	waiting := lifecycle.Tick(began(deadline), after(20))
	c := lifecycle.CreateFailed(waiting, rules.Failure{Type: rules.FailureCancelled, Message: "given up"}, after(20))
	require.Nil(t, lifecycle.Next(c, after(21)).Create)
	require.Empty(t, c.State.LastError)
	c = lifecycle.Tick(c, after(22))
	requireStatus(t, workflows.CaseExpired, c)
	require.Empty(t, lifecycle.Attention(c.State))

	unclear := lifecycle.Tick(lifecycle.CreateFailed(waiting, rules.Failure{}, after(20)), after(22))
	require.Equal(t, []string{"still_running"}, lifecycle.Attention(unclear.State))
	made := lifecycle.Tick(lifecycle.Created(waiting, workflows.CreateCaseResult{CaseID: caseID}, after(20)), after(22))
	require.NotNil(t, lifecycle.Next(made, after(22)).Read)
}

func TestTheLastReadIsOfTheCaseThatReplacesAnAdoptedOne(t *testing.T) {
	t.Parallel()
	c := adopted(uncertain(options(func(o *workflows.CaseOptions) { o.Deadline = after(60) })), 2)
	c = lifecycle.Tick(c, after(60))
	other := inputNeeded("q1", 60)
	other.Facts.CaseID = "another"
	c = lifecycle.Tick(received(c, other, after(60)), after(60))
	require.Equal(t, &workflows.GetCaseParams{Account: "default", CaseID: "another"}, lifecycle.Next(c, after(60)).Read)
	requireStatus(t, workflows.CaseExpired, readFailed(c, "another", rules.Failure{Message: "no answer"}, after(61)))
}

func TestAnEndIsConfirmedFirstWhereItMustBe(t *testing.T) {
	t.Parallel()
	confirm := options(func(o *workflows.CaseOptions) { o.ConfirmEnd = true })
	for name, row := range map[string]struct {
		c lifecycle.Case
		e workflows.CaseEvent
	}{
		"the app asked for it": {running(confirm), completed(10)},
		"it has no time":       {running(), untimed(completed(10))},
		"it is unproven":       {running(), unproven(completed(10))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := received(row.c, row.e, after(10))
			requireStatus(t, workflows.CaseRunning, c)
			fx := lifecycle.Next(c, after(10))
			require.Equal(t, &workflows.GetCaseParams{Account: "default", CaseID: caseID}, fx.Read)
			require.Nil(t, fx.Reconcile)

			confirmed := readOnce(c, caseID, read(completed(10)), after(11))
			outcome := lifecycle.Outcome(confirmed)
			require.Equal(t, workflows.CaseCompleted, outcome.Status)
			require.Equal(t, workflows.NewsByWebhook, outcome.Source)
			require.Empty(t, outcome.Unknown)
			require.JSONEq(t, `{"vendorId":"vendor_2048"}`, string(outcome.Facts.Metadata))

			denied := readOnce(c, caseID, shows(workflows.OffloadRunning, 9), after(11))
			requireStatus(t, workflows.CaseRunning, denied)
			require.Equal(t, after(12), lifecycle.Next(denied, after(11)).Wake, "the provider's reads may lag behind its webhooks")
			later := reconciled(denied, read(completed(10)), after(13))
			require.Equal(t, workflows.NewsByWebhook, lifecycle.Outcome(later).Source)

			blind := readFailed(c, caseID, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized, Message: "bad key"}, after(11))
			if name == "it has no time" {
				requireStatus(t, workflows.CaseCompleted, blind)
				return
			}
			require.Equal(t, []string{"unauthorized"}, lifecycle.Attention(blind.State))
			require.NotNil(t, lifecycle.Next(blind, after(12)).Reconcile)
		})
	}
	requireStatus(t, workflows.CaseInputNeeded, received(running(confirm), inputNeeded("q1", 10), after(10)))
	question := received(running(), unproven(inputNeeded("q1", 10)), after(10))
	question = readOnce(question, caseID, read(inputNeeded("q1", 10)), after(11))
	requireStatus(t, workflows.CaseInputNeeded, question)
	require.Equal(t, after(25), lifecycle.Next(question, after(11)).Wake, "nothing is left to confirm")
}

// Offload's own examples have no timestamp.
func TestAProvenEndWithoutATimeCountsWhereTheCaseCannotBeRead(t *testing.T) {
	t.Parallel()
	unauthorized := rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized, Message: "bad key"}
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(20) })
	confirm := options(func(o *workflows.CaseOptions) { o.ConfirmEnd = true })
	denied := func(c lifecycle.Case) lifecycle.Case {
		return readOnce(c, caseID, shows(workflows.OffloadRunning, 9), after(11))
	}
	cancelled := func(c lifecycle.Case) lifecycle.Case {
		return lifecycle.Cancel(c, workflows.CancelCase{By: "ada"}, after(12))
	}
	blind := func(c lifecycle.Case) lifecycle.Case { return readFailed(c, caseID, unauthorized, after(12)) }
	expired := func(c lifecycle.Case) lifecycle.Case { return blind(lifecycle.Tick(c, after(20))) }
	end := sending(untimed(completed(10)), "a")
	for name, c := range map[string]lifecycle.Case{
		"a read fails":                           blind(received(running(), end, after(10))),
		"the last read fails":                    expired(received(running(deadline), end, after(10))),
		"the last read fails, an earlier lagged": expired(denied(received(running(deadline), end, after(10)))),
		"the last read lags":                     denied(lifecycle.Tick(received(running(deadline), end, after(10)), after(20))),
		"cancelled":                              cancelled(received(running(), end, after(10))),
		"before another end":                     blind(received(received(running(), end, after(10)), untimed(failed(11)), after(11))),
		"after a question":                       blind(received(received(running(), untimed(inputNeeded("q1", 9)), after(9)), end, after(10))),
		"after an unproven end":                  blind(received(received(running(), unproven(failed(9)), after(9)), end, after(10))),
	} {
		outcome := lifecycle.Outcome(c)
		require.Equal(t, workflows.CaseCompleted, outcome.Status, name)
		require.Equal(t, workflows.NewsByWebhook, outcome.Source, name)
		require.JSONEq(t, `{"signedW9Received":true}`, string(outcome.Facts.Result), name)
		require.Len(t, outcome.Facts.Attachments, 1, name)
		require.Equal(t, after(10), c.State.FactsAt, name)
		require.Empty(t, c.State.Unconfirmed, name)
		if name == "before another end" {
			require.Equal(t, []string{"conflict"}, outcome.Attention)
		} else {
			require.Empty(t, outcome.Attention, name)
		}
	}
	for name, c := range map[string]lifecycle.Case{
		"the app confirms ends": received(running(deadline, confirm), end, after(10)),
		"unproven":              received(running(deadline), unproven(end), after(10)),
		"a question":            received(running(deadline), untimed(inputNeeded("q1", 10)), after(10)),
	} {
		requireStatus(t, workflows.CaseRunning, blind(c))
		requireStatus(t, workflows.CaseExpired, expired(c))
		requireStatus(t, workflows.CaseCancelled, cancelled(c))
		require.Len(t, c.State.Unconfirmed, 1, name)
	}
}

func TestAnEndThatOmitsAFieldIsReadBeforeItCounts(t *testing.T) {
	t.Parallel()
	noFiles := completed(10)
	noFiles.Facts = noFiles.Facts.Omitting(workflows.FieldAttachments)
	for name, e := range map[string]workflows.CaseEvent{"its result": omitting(completed(10)), "its attachments": noFiles} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := received(running(), e, after(10))
			requireStatus(t, workflows.CaseRunning, c)
			require.NotNil(t, lifecycle.Next(c, after(10)).Read)
			require.Contains(t, lifecycle.WaitingFor(c), "Offload ended the case")

			for _, other := range []workflows.CaseEvent{inputNeeded("q1", 9), unproven(completed(10)), unproven(inputNeeded("q1", 9))} {
				waiting := received(c, other, after(10))
				require.False(t, waiting.State.Status.Ended(), "only another end decides")
				require.NotNil(t, lifecycle.Next(waiting, after(10)).Read)
			}

			whole := readOnce(c, caseID, read(sending(completed(10), "a")), after(11))
			outcome := lifecycle.Outcome(whole)
			require.Equal(t, workflows.CaseCompleted, outcome.Status)
			require.Equal(t, workflows.NewsByWebhook, outcome.Source)
			require.JSONEq(t, `{"signedW9Received":true}`, string(outcome.Facts.Result))
			require.JSONEq(t, `{"vendorId":"vendor_2048"}`, string(outcome.Facts.Metadata))
			require.Len(t, outcome.Facts.Attachments, 1)
			require.Empty(t, outcome.Facts.Omitted)

			for _, blind := range []lifecycle.Case{
				readFailed(c, caseID, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(12)),
				lagging(c, 10),
				received(c, completedWithout(e, 11), after(12)),
				lifecycle.Cancel(c, workflows.CancelCase{}, after(12)),
			} {
				outcome := lifecycle.Outcome(blind)
				require.Equal(t, workflows.CaseCompleted, outcome.Status)
				require.Equal(t, e.Facts.Omitted, outcome.Facts.Omitted, "the outcome names it")
				require.Nil(t, lifecycle.Next(blind, after(12)).Read)
			}
		})
	}
}

// completedWithout returns a later event that omits the same fields.
func completedWithout(e workflows.CaseEvent, minute int) workflows.CaseEvent {
	e.EventMeta = completed(minute).EventMeta
	return e
}

func TestTheStateSurvivesJSON(t *testing.T) {
	t.Parallel()
	c := received(answering(replying), unproven(completed(30)), after(30))
	c.State.OtherCaseIDs = []string{"x"}
	raw, err := json.Marshal(c.State)
	require.NoError(t, err)
	var back lifecycle.State
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, c.State, back)
	require.Equal(t, lifecycle.Next(c, after(40)), lifecycle.Next(lifecycle.Case{Start: c.Start, State: back}, after(40)))
}

// News may lift other refusals, and then the update enters the history. So nothing invalid may come as far as they.
func TestAnInvalidArgumentIsRefusedFirstAlsoAfterTheEnd(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", workflows.MaxTextBytes+1)
	for name, c := range map[string]lifecycle.Case{"running": running(), "ended": received(running(), completed(5), after(5))} {
		for update, err := range map[string]error{
			"provide-input":                    lifecycle.CheckProvideInput(c, workflows.ProvideInput{QuestionID: "q1", Text: long}),
			"adopt-case":                       lifecycle.CheckAdopt(c, workflows.AdoptCase{CaseID: long}),
			"adopt-case with a name of a path": lifecycle.CheckAdopt(c, workflows.AdoptCase{CaseID: ".."}),
			"retry-create":                     lifecycle.CheckRetryCreate(c, workflows.RetryCreate{By: long}),
			"retry-create with a request":      lifecycle.CheckRetryCreate(c, workflows.RetryCreate{Request: &workflows.CaseRequest{}}),
			"cancel":                           lifecycle.CheckCancel(c, workflows.CancelCase{Reason: long}),
		} {
			var refusal *rules.Refusal
			require.ErrorAs(t, err, &refusal, "%s, %s", name, update)
			require.Equal(t, workflows.ErrTypeInvalidArgument, refusal.Type, "%s, %s", name, update)
		}
	}
}
