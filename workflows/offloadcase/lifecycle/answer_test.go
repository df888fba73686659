package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func answer(question string) workflows.ProvideInput {
	return workflows.ProvideInput{QuestionID: question, Text: "Yes", By: "ada"}
}

// answering returns the case with a pending answer to "q1", given at minute 20.
func answering(change ...func(*workflows.CaseStart)) lifecycle.Case {
	return lifecycle.ProvideInput(asked(change...), answer("q1"), after(20))
}

func TestAQuestionIsAnnouncedAndItsAnswerIsSent(t *testing.T) {
	t.Parallel()
	c := asked(replying)
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Equal(t, []string{"input_needed"}, lifecycle.Attention(c.State))
	require.Equal(t, "q1", lifecycle.View(c).Question.ID)
	notice := handOff(c, 10).Notices[0]
	require.Equal(t, workflows.NoticeCaseInputNeeded, notice.Kind)
	require.Equal(t, c.State.Facts.Question, notice.Data.Question)
	require.Contains(t, lifecycle.Details(c), "signalbox case answer vendor_2048")
	require.Contains(t, lifecycle.Details(c), workflows.UpdateProvideInput)

	require.NoError(t, lifecycle.CheckProvideInput(c, answer("q1")))
	c = lifecycle.ProvideInput(c, answer("q1"), after(20))
	requireStatus(t, workflows.CaseInputSent, c)
	require.Equal(t, "q1", lifecycle.View(c).Question.ID, "what the answer is to")
	require.Equal(t, &workflows.ProvideInputParams{Account: "default", CaseID: caseID, QuestionID: "q1", Text: "Yes"}, lifecycle.Next(c, after(20)).Answer)

	c = lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	requireStatus(t, workflows.CaseInputSent, c)
	fx := lifecycle.Next(c, after(21))
	require.Nil(t, fx.Answer)
	require.Equal(t, after(22), fx.Wake, "soon: there is no webhook for resumed")
	given := lifecycle.View(c).Answers
	require.Equal(t, []workflows.Answer{{QuestionID: "q1", Text: "Yes", By: "ada", GivenAt: after(20), Result: workflows.InputAccepted}}, given)

	c = reconciled(c, shows(workflows.OffloadRunning, 23), after(23))
	requireStatus(t, workflows.CaseRunning, c)
	require.Nil(t, lifecycle.View(c).Question)
}

func TestAnInvalidAnswerIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	resolvedElsewhere := inputNeeded("q1", 10)
	resolvedElsewhere.Facts.Question.Status = workflows.QuestionResolved
	silent := shows(workflows.OffloadInputNeeded, 10)
	for name, row := range map[string]struct {
		c         lifecycle.Case
		input     workflows.ProvideInput
		errorType string
	}{
		"no question":         {running(), answer("q1"), workflows.ErrTypeNoOpenQuestion},
		"before the creation": {began(), answer("q1"), workflows.ErrTypeNoOpenQuestion},
		"unknown question":    {reconciled(running(), silent, after(10)), answer("q1"), workflows.ErrTypeNoOpenQuestion},
		"another question":    {asked(), answer("q2"), workflows.ErrTypeOtherQuestion},
		"blank":               {asked(), workflows.ProvideInput{QuestionID: "q1", Text: " \n"}, workflows.ErrTypeInvalidArgument},
		"too long":            {asked(), workflows.ProvideInput{QuestionID: "q1", Text: strings.Repeat("x", 33<<10)}, workflows.ErrTypeInvalidArgument},
		"answered":            {answering(), answer("q1"), workflows.ErrTypeAlreadyAnswered},
		"answered before":     {received(answering(), inputNeeded("q2", 30), after(30)), answer("q1"), workflows.ErrTypeAlreadyAnswered},
		"answered elsewhere":  {reconciled(asked(), read(resolvedElsewhere), after(11)), answer("q1"), workflows.ErrTypeAlreadyAnswered},
		"ended":               {received(asked(), completed(30), after(30)), answer("q1"), workflows.ErrTypeCaseEnded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireRefusal(t, row.errorType, lifecycle.CheckProvideInput(row.c, row.input))
		})
	}
}

func TestEachResultOfAnAnswerLeadsToItsStatus(t *testing.T) {
	t.Parallel()
	for result, row := range map[workflows.InputResult]struct {
		status workflows.CaseStatus
		reads  bool
		open   bool
	}{
		workflows.InputAccepted:        {workflows.CaseInputSent, false, false},
		workflows.InputAlreadyResolved: {workflows.CaseInputSent, false, false},
		workflows.InputNotWaiting:      {workflows.CaseRunning, true, false},
		workflows.InputMismatch:        {workflows.CaseRunning, true, false},
		workflows.InputRejected:        {workflows.CaseInputNeeded, true, true},
	} {
		t.Run(string(result), func(t *testing.T) {
			t.Parallel()
			c := lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: result, Message: "said so"}, after(21))
			requireStatus(t, row.status, c)
			require.Equal(t, row.reads, lifecycle.Next(c, after(21)).Read != nil)
			require.Equal(t, row.open, lifecycle.CheckProvideInput(c, answer("q1")) == nil)
			require.Equal(t, "said so", c.State.LastError)
			require.Equal(t, result, c.State.Answers[0].Result)
		})
	}
}

func TestAReadDecidesAfterARefusedAnswer(t *testing.T) {
	t.Parallel()
	c := lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputMismatch}, after(21))
	requireStatus(t, workflows.CaseInputNeeded, readOnce(c, caseID, read(inputNeeded("q2", 20)), after(22)))
	requireStatus(t, workflows.CaseCompleted, readOnce(c, caseID, read(completed(20)), after(22)))
	open := readOnce(c, caseID, read(inputNeeded("q1", 10)), after(22))
	requireStatus(t, workflows.CaseInputNeeded, open)
	require.NoError(t, lifecycle.CheckProvideInput(open, answer("q1")), "Offload says that it is open after all")
}

// Offload's older GET does not repeat the question. Another one is open, or this one after all; a person can look at Offload.
func TestAReadWithoutTheQuestionAfterARefusedAnswerMakesItUnknown(t *testing.T) {
	t.Parallel()
	for _, result := range []workflows.InputResult{workflows.InputNotWaiting, workflows.InputMismatch} {
		for _, minute := range []int{5, 10, 20} { // before, at and after the question
			c := handedOff(lifecycle.Tick(lifecycle.Answered(answering(replying), "q1", workflows.ProvideInputResult{Result: result}, after(21)), after(21)))
			c = lifecycle.Tick(readOnce(c, caseID, shows(workflows.OffloadInputNeeded, minute), after(22)), after(22))
			requireStatus(t, workflows.CaseInputNeeded, c)
			require.Nil(t, lifecycle.View(c).Question)
			require.Equal(t, []string{"question"}, lifecycle.View(c).Facts.Omitted)
			require.Equal(t, []string{workflows.AttentionInputNeeded}, lifecycle.Attention(c.State))
			require.Equal(t, []string{"case.attention"}, kinds(c), "no notice asks an unknown question, so the attention is announced")
			require.Equal(t, []string{workflows.AttentionInputNeeded}, handOff(c, 22).Notices[0].Data.Attention)

			c = handedOff(c)
			again := lifecycle.Tick(reconciled(c, shows(workflows.OffloadInputNeeded, 30), after(31)), after(31))
			require.Empty(t, kinds(again), "once")
			other := lifecycle.Tick(received(c, inputNeeded("q2", 30), after(31)), after(31))
			require.Equal(t, []string{"case.input_needed"}, kinds(other))
			require.NoError(t, lifecycle.CheckProvideInput(other, answer("q2")))
			require.Empty(t, lifecycle.View(other).Facts.Omitted)
			same := lifecycle.Tick(reconciled(c, read(inputNeeded("q1", 10)), after(31)), after(31))
			require.NoError(t, lifecycle.CheckProvideInput(same, answer("q1")), "it is open after all")
			require.Equal(t, []string{"case.input_needed"}, kinds(same))
			resumed := reconciled(c, shows(workflows.OffloadRunning, 30), after(31))
			requireStatus(t, workflows.CaseRunning, resumed)
			require.Empty(t, lifecycle.View(resumed).Facts.Omitted)
		}
	}
}

// A notice about an unknown question goes out once no read is under way that may bring it.
func TestAQuestionThatStaysUnknownIsAnnounced(t *testing.T) {
	t.Parallel()
	c := lifecycle.Tick(received(running(replying), nameless(inputNeeded("q1", 10)), after(10)), after(10))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Empty(t, kinds(c), "a read may bring it")
	c = lifecycle.Tick(readOnce(c, caseID, shows(workflows.OffloadInputNeeded, 10), after(11)), after(11))
	require.Equal(t, []string{"case.attention"}, kinds(c))
	c = handedOff(lifecycle.Tick(reconciled(handedOff(c), shows(workflows.OffloadRunning, 20), after(21)), after(21)))
	require.Empty(t, lifecycle.Attention(c.State))
	c = lifecycle.Tick(reconciled(c, shows(workflows.OffloadInputNeeded, 30), after(31)), after(31))
	require.Equal(t, []string{"case.attention"}, kinds(c), "another question")
	next := lifecycle.Tick(received(handedOff(c), inputNeeded("q3", 40), after(41)), after(41))
	require.Equal(t, []string{"case.input_needed"}, kinds(next))
}

func TestWhyOffloadRejectedAnAnswerStaysKnown(t *testing.T) {
	t.Parallel()
	c := lifecycle.AnswerFailed(answering(), "q1", rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest, Message: "too long"}, after(21))
	require.Equal(t, 1, strings.Count(lifecycle.Details(c), "too long"), "once")
	c = readOnce(c, caseID, read(inputNeeded("q1", 10)), after(22))
	require.Equal(t, "too long", lifecycle.View(c).Answers[0].Error)
	require.Contains(t, lifecycle.Details(c), "> too long")
	require.Empty(t, c.State.LastError)

	again := lifecycle.ProvideInput(c, answer("q1"), after(23))
	require.NotContains(t, lifecycle.Details(again), "too long", "another answer is on its way")
	next := received(c, inputNeeded("q2", 30), after(30))
	require.NotContains(t, lifecycle.Details(next), "too long", "it was about another question")

	long := lifecycle.AnswerFailed(answering(), "q1", rules.Failure{Message: strings.Repeat("x", 100_000)}, after(21))
	require.LessOrEqual(t, len(long.State.Answers[0].Error), 2<<10)
}

func TestTheNextReadDecidesAfterARefusedAnswerAndAFailedRead(t *testing.T) {
	t.Parallel()
	for _, result := range []workflows.InputResult{workflows.InputNotWaiting, workflows.InputMismatch} {
		c := lifecycle.ProvideInput(asked(), workflows.ProvideInput{QuestionID: "q1", Text: "yes"}, after(20))
		c = lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: result}, after(21))
		c = readFailed(c, caseID, rules.Failure{Type: workflows.ErrTypeOffloadUnavailable}, after(24))
		requireStatus(t, workflows.CaseRunning, c)
		require.Zero(t, lifecycle.Next(c, after(25)).Reconcile.Known, "with the old question as known, the read would report nothing")
		c = reconciled(c, read(inputNeeded("q1", 10)), after(25))
		requireStatus(t, workflows.CaseInputNeeded, c)
		require.Equal(t, after(26), lifecycle.Next(c, after(25)).Wake)
	}
}

func TestAnAnswerThatCouldNotBeDeliveredIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := handedOff(answering(replying))
	c = lifecycle.AnswerFailed(c, "q1", rules.Failure{Message: "a day of outage"}, after(1500))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Equal(t, []string{"case.input_needed"}, kinds(c))
}

func TestResolvedWhileStillInputNeededIsAnAnswerInFlight(t *testing.T) {
	t.Parallel()
	resolved := inputNeeded("q1", 10)
	resolved.Facts.Question.Status = workflows.QuestionResolved
	c := reconciled(asked(), read(resolved), after(11))
	requireStatus(t, workflows.CaseInputSent, c)
	require.Empty(t, lifecycle.Attention(c.State))
	c = reconciled(running(), read(resolved), after(11))
	requireStatus(t, workflows.CaseInputSent, c)
	c = received(c, inputNeeded("q1", 10), after(12))
	requireStatus(t, workflows.CaseInputSent, c)
}

// It is not documented whether a webhook's timestamp equals the case's updatedAt; it may be a moment later.
func TestAResolvedQuestionIsNotReopenedByAWebhookWithALaterTime(t *testing.T) {
	t.Parallel()
	resolved := inputNeeded("q1", 10)
	resolved.Facts.Question.Status = workflows.QuestionResolved
	requireStatus(t, workflows.CaseInputSent, received(reconciled(running(), read(resolved), after(12)), inputNeeded("q1", 11), after(13)))
	requireStatus(t, workflows.CaseInputSent, reconciled(received(running(), inputNeeded("q1", 11), after(11)), read(resolved), after(12)))
}

func TestANewQuestionReplacesAnOpenOneAndAnAnswerUnderWay(t *testing.T) {
	t.Parallel()
	c := received(asked(replying), inputNeeded("q2", 30), after(30))
	requireStatus(t, workflows.CaseInputNeeded, c)
	requireRefusal(t, workflows.ErrTypeOtherQuestion, lifecycle.CheckProvideInput(c, answer("q1")))
	require.Equal(t, "q2", handOff(c, 30).Notices[0].Data.Question.ID)

	c = received(answering(), inputNeeded("q2", 30), after(30))
	requireStatus(t, workflows.CaseInputNeeded, c)
	c = lifecycle.ProvideInput(c, answer("q2"), after(31))
	require.Equal(t, "q2", lifecycle.Next(c, after(31)).Answer.QuestionID)
	require.Equal(t, workflows.InputOvertaken, lifecycle.View(c).Answers[0].Result)
	c = lifecycle.AnswerFailed(c, "q1", rules.Failure{Type: rules.FailureCancelled}, after(31))
	require.Equal(t, workflows.InputUnsettled, c.State.Answers[0].Result)
	require.Empty(t, c.State.Answers[1].Result)
	require.Nil(t, lifecycle.Next(c, after(31)).Read, "a replaced answer says nothing of the case")
}

func TestAnAcceptedAnswerStaysAcceptedWhileOthersFollow(t *testing.T) {
	t.Parallel()
	accepted := workflows.ProvideInputResult{Result: workflows.InputAccepted}
	c := lifecycle.Answered(answering(), "q1", accepted, after(21))
	c = lifecycle.ProvideInput(received(c, inputNeeded("q2", 30), after(30)), answer("q2"), after(31))
	require.Equal(t, workflows.InputAccepted, lifecycle.View(c).Answers[0].Result)
	requireRefusal(t, workflows.ErrTypeAlreadyAnswered, lifecycle.CheckProvideInput(c, answer("q1")))
	ended := lifecycle.View(received(c, completed(40), after(40))).Answers
	require.Equal(t, []workflows.InputResult{workflows.InputAccepted, workflows.InputOvertaken}, []workflows.InputResult{ended[0].Result, ended[1].Result})
}

func TestAnOlderQuestionDoesNotReopenANewerState(t *testing.T) {
	t.Parallel()
	c := reconciled(running(), shows(workflows.OffloadRunning, 20), after(21))
	c = received(c, inputNeeded("q1", 10), after(22))
	requireStatus(t, workflows.CaseRunning, c)
	c = received(c, inputNeeded("q2", 30), after(31))
	c = received(c, inputNeeded("q3", 25), after(32))
	require.Equal(t, "q2", lifecycle.View(c).Question.ID)
}

func TestAReadWithoutTheQuestionKeepsTheWebhooksQuestion(t *testing.T) {
	t.Parallel()
	c := reconciled(asked(), shows(workflows.OffloadInputNeeded, 11), after(12))
	require.Equal(t, "q1", lifecycle.View(c).Question.ID)
	c = reconciled(running(), shows(workflows.OffloadInputNeeded, 11), after(12))
	require.Contains(t, lifecycle.WaitingFor(c), "has not said which")
	c = received(c, inputNeeded("q1", 10), after(13))
	require.Equal(t, "q1", lifecycle.View(c).Question.ID)
}

func TestAnUnansweredQuestionSendsRemindersAndRaisesAttention(t *testing.T) {
	t.Parallel()
	c := asked(replying, options(func(o *workflows.CaseOptions) {
		o.RemindAfter = workflows.Duration(30 * time.Minute)
		o.QuestionExpiresAfter = workflows.Duration(time.Hour)
		o.ReconcileAfter = workflows.Duration(24 * time.Hour)
	}))
	first := handOff(c, 10).Notices[0].ID
	c = lifecycle.Tick(handedOff(c), after(10))
	require.Equal(t, after(40), lifecycle.Next(c, after(10)).Wake)
	require.Equal(t, c, lifecycle.Tick(c, after(39)))

	c = lifecycle.Tick(c, after(40))
	reminder := handOff(c, 40).Notices
	require.Len(t, reminder, 1)
	require.NotEqual(t, first, reminder[0].ID, "each reminder has its own ID")
	require.Equal(t, c, lifecycle.Tick(c, after(40)), "once")

	c = lifecycle.Tick(c, after(70))
	require.Equal(t, []string{"input_needed", "question_expired"}, lifecycle.Attention(c.State))
	require.NoError(t, lifecycle.CheckProvideInput(c, answer("q1")), "it may still be answered")
	c = lifecycle.Tick(lifecycle.ProvideInput(c, answer("q1"), after(80)), after(80))
	require.Empty(t, lifecycle.Attention(c.State))
	c = lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(80))
	require.Equal(t, c, lifecycle.Tick(c, after(139)), "an answered question has no reminder")
}

func TestAnAnswerThatIsNotSentRaisesAttentionWithinMinutes(t *testing.T) {
	t.Parallel()
	c := lifecycle.Tick(lifecycle.ProvideInput(asked(replying), answer("q1"), after(20)), after(20))
	require.Equal(t, after(23), lifecycle.Next(c, after(20)).Wake)
	require.Empty(t, lifecycle.Attention(lifecycle.Tick(c, after(22)).State))

	c = lifecycle.Tick(c, after(23))
	require.Equal(t, []string{workflows.AttentionAnswerDelayed}, lifecycle.Attention(c.State))
	require.Contains(t, lifecycle.WaitingFor(c), "could not be sent to Offload for minutes")
	require.NotNil(t, lifecycle.Next(c, after(23)).Answer, "it is retried automatically")
	notices := handOff(c, 23).Notices
	require.Equal(t, []string{workflows.AttentionAnswerDelayed}, notices[len(notices)-1].Data.Attention)

	sent := lifecycle.Tick(lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(60)), after(60))
	require.Empty(t, lifecycle.Attention(sent.State))
	require.Empty(t, lifecycle.Attention(lifecycle.Tick(received(c, completed(60), after(60)), after(60)).State), "an end needs no answer")
}

// A 202 only says that the answer is queued (Offload, "Provide case input").
func TestAnAnswerThatOffloadAcceptedAndLostIsAskedForAgain(t *testing.T) {
	t.Parallel()
	accepted := lifecycle.Answered(handedOff(answering(replying)), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	late := inputNeeded("q1", 12)
	late.ReceivedAt = after(60)
	readAt := func(minute int, e workflows.CaseEvent) lifecycle.Case {
		snapshot := read(e)
		snapshot.ReadAt = after(minute)
		return reconciled(accepted, snapshot, after(minute))
	}
	resolved := inputNeeded("q1", 10)
	resolved.Facts.Question.Status = workflows.QuestionResolved
	outage := lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(120))
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want workflows.CaseStatus
	}{
		"a webhook at the same time":                 {received(accepted, inputNeeded("q1", 36), after(36)), workflows.CaseInputSent},
		"a webhook a quarter of an hour later":       {received(accepted, inputNeeded("q1", 37), after(37)), workflows.CaseInputNeeded},
		"an old webhook that comes late":             {received(accepted, late, after(60)), workflows.CaseInputSent},
		"a webhook from before a late acceptance":    {received(outage, inputNeeded("q1", 119), after(121)), workflows.CaseInputSent},
		"a read at the same time":                    {readAt(36, inputNeeded("q1", 10)), workflows.CaseInputSent},
		"a read a quarter of an hour later":          {readAt(37, inputNeeded("q1", 10)), workflows.CaseInputNeeded},
		"a read that shows the question as resolved": {readAt(37, resolved), workflows.CaseInputSent},
		"a webhook after such a read":                {received(readAt(37, resolved), inputNeeded("q1", 60), after(60)), workflows.CaseInputSent},
	} {
		requireStatus(t, row.want, row.c)
		require.Nil(t, lifecycle.Next(row.c, after(200)).Answer, "%s: no answer is sent twice by itself", name)
		if row.want == workflows.CaseInputSent {
			require.Equal(t, workflows.InputAccepted, row.c.State.Answers[0].Result, name)
			continue
		}
		require.Equal(t, workflows.InputUnsettled, row.c.State.Answers[0].Result, name)
		require.Contains(t, lifecycle.Details(row.c), "Offload accepted the answer, but still asks")
		require.Equal(t, []string{"case.input_needed"}, kinds(row.c), name)
		require.NoError(t, lifecycle.CheckProvideInput(row.c, answer("q1")), name)
		again := lifecycle.ProvideInput(row.c, answer("q1"), after(300))
		again = received(lifecycle.Answered(again, "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(301)), inputNeeded("q1", 302), after(302))
		requireStatus(t, workflows.CaseInputSent, again)
	}
}

func TestAnAcceptedAnswerThatOffloadDoesNotProcessRaisesAttention(t *testing.T) {
	t.Parallel()
	accepted := workflows.ProvideInputResult{Result: workflows.InputAccepted}
	resolved := inputNeeded("q1", 10)
	resolved.Facts.Question.Status = workflows.QuestionResolved
	for name, row := range map[string]struct {
		c     lifecycle.Case
		since int
	}{
		"after a day of outage": {lifecycle.Answered(answering(), "q1", accepted, after(1440)), 1440},
		"answered elsewhere":    {reconciled(asked(), read(resolved), after(30)), 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := row.c
			c.State.ReconcileAt = after(10_000) // reads go on meanwhile
			c = lifecycle.Tick(c, after(row.since+59))
			require.Empty(t, lifecycle.Attention(c.State))
			require.Equal(t, after(row.since+60), lifecycle.Next(c, after(row.since+59)).Wake)

			c = lifecycle.Tick(c, after(row.since+60))
			require.Equal(t, []string{workflows.AttentionAnswerDelayed}, lifecycle.Attention(c.State))
			require.Contains(t, lifecycle.WaitingFor(c), "has not gone on for an hour")
			require.NotNil(t, lifecycle.Next(c, after(row.since+60)).Read, "polling reports changes only, and Offload may ask as before")
			c = lifecycle.Tick(readOnce(c, caseID, read(resolved), after(row.since+61)), after(row.since+61))
			require.Equal(t, []string{workflows.AttentionAnswerDelayed}, lifecycle.Attention(c.State))
			require.Nil(t, lifecycle.Next(c, after(row.since+61)).Read, "once")

			c = lifecycle.Tick(reconciled(c, shows(workflows.OffloadRunning, 2000), after(2001)), after(2001))
			require.Empty(t, lifecycle.Attention(c.State))
		})
	}
}

func TestAQuestionIsRepeatedForTheCallbacksToo(t *testing.T) {
	t.Parallel()
	c := lifecycle.Tick(asked(func(s *workflows.CaseStart) {
		s.Notify, s.Options.RemindAfter = []string{"finance"}, workflows.Duration(time.Minute)
	}), after(10))
	first := handOff(c, 10)
	require.Equal(t, []string{"finance"}, first.Notices[0].Notify)
	again := handOff(lifecycle.Tick(lifecycle.HandOffSucceeded(c, *first), after(100)), 100)
	require.Equal(t, workflows.NoticeCaseInputNeeded, again.Notices[0].Kind)
	require.NotEqual(t, first.Notices[0].ID, again.Notices[0].ID)
}

func TestAQuestionWithoutRemindersIsAnnouncedOnce(t *testing.T) {
	t.Parallel()
	c := lifecycle.Tick(handedOff(asked(replying)), after(10))
	require.Equal(t, c, lifecycle.Tick(c, after(100_000)))
	require.Equal(t, []string{"input_needed"}, lifecycle.Attention(c.State))
}

func TestAQuestionThatIsNotKnownDoesNotExpire(t *testing.T) {
	t.Parallel()
	expiring := options(func(o *workflows.CaseOptions) { o.QuestionExpiresAfter = workflows.Duration(time.Hour) })
	c := lifecycle.Answered(answering(expiring), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	c = reconciled(c, shows(workflows.OffloadRunning, 22), after(23))
	c = lifecycle.Tick(reconciled(c, shows(workflows.OffloadInputNeeded, 65), after(66)), after(66))
	require.Equal(t, []string{"input_needed"}, lifecycle.Attention(lifecycle.Tick(c, after(80)).State), "the deadline of the earlier question does not count")
	require.Equal(t, after(66), lifecycle.DueAt(c))
	known := received(c, inputNeeded("q2", 64), after(81))
	require.Equal(t, after(141), lifecycle.DueAt(known))
}

func TestOnlyTheNewestAnswersAreKept(t *testing.T) {
	t.Parallel()
	c := running()
	for i := range 15 {
		q := string(rune('a' + i))
		c = received(c, inputNeeded(q, i+1), after(i+1))
		c = lifecycle.ProvideInput(c, answer(q), after(i+1))
		c = lifecycle.Answered(c, q, workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(i+1))
	}
	require.Len(t, c.State.Answers, 10)
	require.Equal(t, "o", c.State.Answers[9].QuestionID)
}
