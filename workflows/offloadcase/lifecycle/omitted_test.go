package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// cut returns the event with its question cut short, as the hook does with one that is too large.
func cut(e workflows.CaseEvent) workflows.CaseEvent {
	question := *e.Facts.Question
	question.Text = "Is a"
	e.Facts.Question = &question
	e.Facts = e.Facts.Omitting(workflows.FieldQuestion)
	return e
}

func TestAQuestionThatWasCutIsReadWhole(t *testing.T) {
	t.Parallel()
	c := received(running(), cut(inputNeeded("q1", 10)), after(10))
	require.NotNil(t, lifecycle.Next(c, after(10)).Read)
	require.Equal(t, []string{"question"}, lifecycle.View(c).Facts.Omitted)

	silent := readOnce(c, caseID, shows(workflows.OffloadInputNeeded, 11), after(12))
	require.Equal(t, []string{"question"}, lifecycle.View(silent).Facts.Omitted, "a read that does not repeat it brings nothing")
	require.Equal(t, "Is a", lifecycle.View(silent).Question.Text)
	require.Empty(t, reconciled(silent, shows(workflows.OffloadRunning, 20), after(21)).State.Facts.Omitted, "nothing is asked any more")

	whole := read(inputNeeded("q1", 10))
	for name, c := range map[string]lifecycle.Case{
		"read afterwards": readOnce(c, caseID, whole, after(12)),
		"read before":     received(reconciled(running(), whole, after(10)), cut(inputNeeded("q1", 10)), after(12)),
		"asked again":     received(c, inputNeeded("q1", 11), after(12)),
	} {
		require.Equal(t, "Is a signed PDF acceptable?", lifecycle.View(c).Question.Text, name)
		require.Empty(t, lifecycle.View(c).Facts.Omitted, name)
	}
}

// textless returns the event, as the hook reads it, with a question that has no text; nameless, with one that has no ID.
func textless(e workflows.CaseEvent) workflows.CaseEvent {
	e = cut(e)
	e.Facts.Question.Text = ""
	return e
}

func nameless(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts.Question = nil
	e.Facts = e.Facts.Omitting(workflows.FieldQuestion)
	return e
}

func TestAQuestionWithoutATextOrAnIDIsReadBeforePeopleAreAsked(t *testing.T) {
	t.Parallel()
	for name, incomplete := range map[string]func(workflows.CaseEvent) workflows.CaseEvent{"no text": textless, "no ID": nameless} {
		for before, c := range map[string]lifecycle.Case{
			"running":            running(),
			"an open question":   handedOff(received(running(), inputNeeded("q0", 5), after(5))),
			"an answer accepted": handedOff(lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))),
		} {
			c = received(c, incomplete(inputNeeded("q2", 30)), after(30))
			require.NotNil(t, lifecycle.Next(c, after(30)).Read, "%s, %s", name, before)
			require.Nil(t, handOff(c, 30), "%s, %s: people get no empty question", name, before)

			whole := readOnce(c, caseID, read(inputNeeded("q2", 30)), after(31))
			requireStatus(t, workflows.CaseInputNeeded, whole)
			require.Equal(t, inputNeeded("q2", 30).Facts.Question, lifecycle.View(whole).Question, "%s, %s", name, before)
			require.Empty(t, lifecycle.View(whole).Facts.Omitted, "%s, %s", name, before)
			require.Equal(t, lifecycle.View(whole).Question, handOff(whole, 31).Notices[0].Data.Question, "%s, %s", name, before)
		}
	}
	blind := readFailed(received(running(), textless(inputNeeded("q1", 10)), after(10)), caseID, rules.Failure{Message: "no route"}, after(12))
	require.Equal(t, "q1", handOff(blind, 12).Notices[0].Data.Question.ID, "a person can look at Offload")
	told := reconciled(handedOff(blind), read(inputNeeded("q1", 10)), after(13))
	require.Equal(t, inputNeeded("q1", 10).Facts.Question, handOff(told, 13).Notices[0].Data.Question, "the text came later")
}

func TestAnIncompleteQuestionIsReadAgainSoonAfterAReadThatLags(t *testing.T) {
	t.Parallel()
	c := received(running(), nameless(inputNeeded("q1", 10)), after(10))
	lags := readOnce(c, caseID, shows(workflows.OffloadRunning, 9), after(10))
	require.Equal(t, after(11), lifecycle.Next(lags, after(10)).Wake)
}

func TestTheTextOfAQuestionComesFromAnyReportOfIt(t *testing.T) {
	t.Parallel()
	bare := func(minute int) workflows.CaseSnapshot {
		snapshot := read(inputNeeded("q1", minute))
		question := *snapshot.Facts.Question
		question.Text = ""
		snapshot.Facts.Question = &question
		return snapshot
	}
	for name, c := range map[string]lifecycle.Case{
		"a webhook at the same time": received(reconciled(running(), bare(10), after(11)), inputNeeded("q1", 10), after(12)),
		"an older webhook":           received(reconciled(running(), bare(11), after(11)), inputNeeded("q1", 10), after(12)),
		"a newer read without it":    reconciled(asked(), bare(20), after(21)),
		"a newer webhook without it": received(asked(), textless(inputNeeded("q1", 20)), after(21)),
		"a later read":               reconciled(reconciled(running(), bare(10), after(11)), read(inputNeeded("q1", 10)), after(12)),
	} {
		require.Equal(t, "Is a signed PDF acceptable?", lifecycle.View(c).Question.Text, name)
		require.Empty(t, lifecycle.View(c).Facts.Omitted, name)
	}
}

func TestOmittedAttachmentsStayNamedUntilAnEndHasThemAll(t *testing.T) {
	t.Parallel()
	told := sending(inputNeeded("q1", 10), "a")
	told.Facts = told.Facts.Omitting(workflows.FieldAttachments)
	c := received(running(), told, after(10))
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want []string
	}{
		"at first":                    {c, []string{"attachments"}},
		"while it runs":               {reconciled(c, read(sending(event("", workflows.OffloadRunning, 20), "a", "b")), after(21)), []string{"attachments"}},
		"an end that names none":      {received(c, completed(20), after(20)), []string{"attachments"}},
		"an end that tells them":      {received(c, sending(completed(20), "a", "b"), after(20)), nil},
		"an end by a read":            {reconciled(c, read(sending(completed(20), "a", "b")), after(21)), nil},
		"a later end that omits them": {received(received(c, sending(completed(20), "a", "b"), after(20)), omittingFiles(completed(21)), after(21)), nil},
	} {
		require.Equal(t, row.want, row.c.State.Facts.Omitted, name)
	}
}

func TestOmittedMetadataStaysNamedUntilAnEventHasIt(t *testing.T) {
	t.Parallel()
	told := inputNeeded("q1", 10)
	told.Facts = told.Facts.Omitting(workflows.FieldMetadata)
	c := received(running(), told, after(10))
	silent := received(c, inputNeeded("q2", 20), after(20))
	require.Equal(t, []string{"metadata"}, silent.State.Facts.Omitted)
	require.Empty(t, received(silent, completed(30), after(30)).State.Facts.Omitted)
	require.Equal(t, []string{"metadata"}, lifecycle.Outcome(received(silent, failed(30), after(30))).Facts.Omitted)
}

func TestAnOmittedClientReferenceIDStaysNamedUntilAReportHasIt(t *testing.T) {
	t.Parallel()
	told := shows(workflows.OffloadRunning, 20)
	told.Facts.ClientReferenceID = "vendor_2048"
	c := reconciled(asked(), told, after(21))
	require.Equal(t, "vendor_2048", c.State.Facts.ClientReferenceID)
	c = received(c, inputNeeded("q2", 30), after(30))
	require.Equal(t, "vendor_2048", c.State.Facts.ClientReferenceID, "what is not repeated stays")

	omits := inputNeeded("q1", 10)
	omits.Facts = omits.Facts.Omitting(workflows.FieldClientReferenceID)
	c = received(received(running(), omits, after(10)), inputNeeded("q2", 15), after(15))
	require.Equal(t, []string{"clientReferenceId"}, c.State.Facts.Omitted)
	require.Empty(t, reconciled(c, told, after(21)).State.Facts.Omitted)
}

func TestAReadCompletesTheFilesThatAnEventOmits(t *testing.T) {
	t.Parallel()
	omits := omittingFiles(completed(10))
	whole := read(sending(completed(10), "a"))
	for name, c := range map[string]lifecycle.Case{
		"held until the read":       readOnce(received(running(), omits, after(10)), caseID, whole, after(11)),
		"confirmed by the read":     readOnce(received(running(), untimed(omits), after(10)), caseID, whole, after(11)),
		"after the end":             received(reconciled(running(), whole, after(10)), omits, after(11)),
		"untimed, after the end":    received(reconciled(running(), whole, after(10)), untimed(omits), after(11)),
		"a read that shows no file": readOnce(received(running(), untimed(omits), after(10)), caseID, read(completed(10)), after(11)),
	} {
		requireStatus(t, workflows.CaseCompleted, c)
		require.Empty(t, lifecycle.Outcome(c).Facts.Omitted, name)
	}
	still := readOnce(received(running(), untimed(omits), after(10)), caseID, read(omittingFiles(completed(10))), after(11))
	require.Equal(t, []string{"attachments"}, lifecycle.Outcome(still).Facts.Omitted)
}

// lagging returns the case after all reads of three minutes that do not show the end which came at the minute.
func lagging(c lifecycle.Case, minute int) lifecycle.Case {
	lags := shows(workflows.OffloadRunning, minute-1)
	c = lifecycle.Tick(readOnce(c, caseID, lags, after(minute)), after(minute+3))
	return readOnce(c, caseID, lags, after(minute+3))
}

func TestAnEndWaitsMinutesForAReadThatShowsIt(t *testing.T) {
	t.Parallel()
	for name, lags := range map[string]workflows.CaseSnapshot{
		"running":     shows(workflows.OffloadRunning, 9),
		"a question":  read(inputNeeded("q1", 9)),
		"not known":   shows("PAUSED", 9),
		"newer clock": shows(workflows.OffloadRunning, 11),
	} {
		held := lifecycle.Tick(readOnce(received(running(), omittingFiles(completed(10)), after(10)), caseID, lags, after(10)), after(10))
		requireStatus(t, workflows.CaseRunning, held)
		require.Empty(t, kinds(held), "%s: no question and no end is reported yet", name)
		fx := lifecycle.Next(held, after(10))
		require.Nil(t, fx.Read, name)
		require.Equal(t, after(11), fx.Wake, name)

		held = received(held, inputNeeded("q1", 8), after(10))
		require.Equal(t, after(11), lifecycle.Next(held, after(10)).Wake, "%s: a late question does not stop the reads", name)
		reading := lifecycle.Next(held, after(11)).Reconcile
		require.Equal(t, reading.Floor, reading.Ceiling, "%s: each minute", name)
		held = lifecycle.Tick(reconciled(held, lags, after(11)), after(11))
		requireStatus(t, workflows.CaseRunning, held)
		require.Empty(t, kinds(held), name)
		require.Nil(t, lifecycle.Next(lifecycle.Tick(held, after(12)), after(12)).Read, name)

		last := lifecycle.Tick(held, after(13))
		require.NotNil(t, lifecycle.Next(last, after(13)).Read, name)
		for whole, c := range map[bool]lifecycle.Case{
			true:  reconciled(held, read(sending(completed(10), "a")), after(12)),
			false: readOnce(last, caseID, lags, after(13)),
		} {
			requireStatus(t, workflows.CaseCompleted, c)
			require.Equal(t, []string{"case.completed"}, kinds(c), name)
			require.Equal(t, whole, len(c.State.Facts.Attachments) == 1, name)
			require.Equal(t, whole, len(c.State.Facts.Omitted) == 0, name)
		}
		requireStatus(t, workflows.CaseCompleted, readOnce(last, caseID, read(sending(completed(10), "a")), after(13)))
		requireStatus(t, workflows.CaseCompleted, readFailed(last, caseID, rules.Failure{Message: "no route"}, after(13)))
	}
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(11) })
	held := readOnce(received(running(deadline), omittingFiles(completed(10)), after(10)), caseID, shows(workflows.OffloadRunning, 9), after(10))
	last := lifecycle.Tick(held, after(11))
	require.NotNil(t, lifecycle.Next(last, after(11)).Read)
	requireStatus(t, workflows.CaseCompleted, readOnce(last, caseID, shows(workflows.OffloadRunning, 9), after(11)))
}

func TestNoQuestionIsOpenWhileAnEndWaitsForARead(t *testing.T) {
	t.Parallel()
	remind := options(func(o *workflows.CaseOptions) {
		o.RemindAfter, o.QuestionExpiresAfter = workflows.Duration(time.Minute), workflows.Duration(time.Minute)
	})
	for name, before := range map[string]lifecycle.Case{
		"asked in the same batch": asked(remind),
		"asked before":            handedOff(asked(remind)),
		"without its text":        received(running(remind), textless(inputNeeded("q1", 10)), after(10)),
	} {
		c := received(before, omittingFiles(completed(10)), after(10))
		for _, c := range []lifecycle.Case{c, lifecycle.Tick(readOnce(c, caseID, read(inputNeeded("q1", 10)), after(10)), after(12))} {
			requireStatus(t, workflows.CaseRunning, c)
			require.Empty(t, kinds(c), name)
			require.Empty(t, lifecycle.Attention(c.State), name)
			require.Contains(t, lifecycle.WaitingFor(c), "Offload ended the case", name)
			requireRefusal(t, workflows.ErrTypeNoOpenQuestion, lifecycle.CheckProvideInput(c, answer("q1")))
		}
	}
}

func TestAFailedReadDoesNotEndAWaitForLaterReads(t *testing.T) {
	t.Parallel()
	lags := shows(workflows.OffloadRunning, 9)
	for name, before := range map[string]lifecycle.Case{
		"nothing before": running(), "an end without a time before": readOnce(received(running(), untimed(completed(9)), after(9)), caseID, lags, after(9)),
	} {
		held := readOnce(received(before, omittingFiles(completed(10)), after(10)), caseID, lags, after(10))
		again := received(held, unproven(inputNeeded("q1", 9)), after(11))
		blind := readFailed(again, caseID, rules.Failure{Message: "no route"}, after(11))
		require.Equal(t, workflows.CaseRunning, blind.State.Status, name)
		require.Equal(t, after(12), lifecycle.Next(blind, after(11)).Wake, name)
	}
}

func TestAHeldEndCountsBeforeAReadThatContradictsIt(t *testing.T) {
	t.Parallel()
	other := read(failed(10))
	other.Facts.ResultStatus = "failed_rejected"
	outcome := lifecycle.Outcome(readOnce(received(running(), omittingFiles(failed(10)), after(10)), caseID, other, after(11)))
	require.Equal(t, "max_retries", outcome.ResultStatus)
	require.Equal(t, "nobody answered", *outcome.Facts.FailureReason)
	require.Equal(t, []string{workflows.AttentionConflict}, outcome.Attention)
}

func TestAFieldThatNoEventCouldBringIsUnknown(t *testing.T) {
	t.Parallel()
	noReason := failed(10)
	noReason.Facts.FailureReason = nil
	unreadable := noReason
	unreadable.Facts = unreadable.Facts.Omitting(workflows.FieldFailureReason)
	shown := read(event("", workflows.OffloadFailed, 10))
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want []string
	}{
		"told that there is none":   {received(running(), noReason, after(10)), nil},
		"told, but unreadable":      {received(running(), unreadable, after(10)), []string{"failureReason"}},
		"told without a time":       {readOnce(received(running(), untimed(unreadable), after(10)), caseID, shown, after(11)), []string{"failureReason"}},
		"never told":                {reconciled(running(), shown, after(10)), []string{"failureReason"}},
		"unreadable, then readable": {received(received(running(), unreadable, after(10)), failed(11), after(11)), nil},
	} {
		require.Equal(t, row.want, lifecycle.Outcome(row.c).Unknown, name)
	}
}

// The app of a case that it did not create does not know the metadata.
func TestMetadataOfACaseThatExistedBeforeIsUnknownUntilAWebhookBringsIt(t *testing.T) {
	t.Parallel()
	none := failed(10)
	unreadable := none
	unreadable.Facts = unreadable.Facts.Omitting(workflows.FieldMetadata)
	some := none
	some.Facts.Metadata = completed(10).Facts.Metadata
	for name, row := range map[string]struct {
		events []workflows.CaseEvent
		want   []string
	}{
		"told that there is none":   {[]workflows.CaseEvent{none}, nil},
		"told":                      {[]workflows.CaseEvent{some}, nil},
		"told, but unreadable":      {[]workflows.CaseEvent{unreadable}, []string{"metadata"}},
		"unreadable, then readable": {[]workflows.CaseEvent{unreadable, some}, nil},
	} {
		c := lifecycle.Begin(workflows.CaseStart{CaseID: caseID}.Normalized(), t0, t0)
		for i, e := range row.events {
			e.DedupeKey = fmt.Sprint(i)
			c = received(c, e, after(10+i))
		}
		require.Equal(t, row.want, lifecycle.Outcome(c).Unknown, name)
	}
}

func omittingFiles(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts = e.Facts.Omitting(workflows.FieldAttachments)
	return e
}
