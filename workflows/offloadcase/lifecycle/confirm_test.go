package lifecycle_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestAConfirmedQuestionIsOpenWhereGetDoesNotRepeatIt(t *testing.T) {
	t.Parallel()
	silent := shows(workflows.OffloadInputNeeded, 30)
	for name, row := range map[string]struct {
		before lifecycle.Case
		event  workflows.CaseEvent
	}{
		"the first one":             {running(), untimed(inputNeeded("q2", 30))},
		"one of the shared route":   {running(), unproven(inputNeeded("q2", 30))},
		"after one that is open":    {asked(), untimed(inputNeeded("q2", 30))},
		"after one that is settled": {lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21)), askedLongAgo(untimed(inputNeeded("q2", 30)))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := readOnce(received(row.before, row.event, after(31)), caseID, silent, after(32))
			requireStatus(t, workflows.CaseInputNeeded, c)
			require.Equal(t, "Is a signed PDF acceptable?", lifecycle.View(c).Question.Text)
			require.NoError(t, lifecycle.CheckProvideInput(c, answer("q2")))
		})
	}

	old := received(asked(), untimed(inputNeeded("q0", 5)), after(31))
	require.Equal(t, "q1", readOnce(old, caseID, silent, after(32)).State.Facts.Question.ID, "an older one does not replace the open one")
	told := read(inputNeeded("q3", 30))
	other := readOnce(received(running(), untimed(inputNeeded("q2", 30)), after(31)), caseID, told, after(32))
	require.Equal(t, "q3", other.State.Facts.Question.ID, "what GET shows goes before")
	require.Equal(t, after(33), lifecycle.Next(other, after(32)).Wake, "the event still waits to be confirmed")

	answered := lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	stale := readOnce(received(answered, untimed(inputNeeded("q0", 5)), after(31)), caseID, read(inputNeeded("q0", 5)), after(32))
	requireStatus(t, workflows.CaseInputSent, stale)
	require.Equal(t, "q1", stale.State.Facts.Question.ID, "a read that is older than the question brings none back")
}

// askedLongAgo returns a question with an old time, which must not matter.
func askedLongAgo(e workflows.CaseEvent) workflows.CaseEvent {
	question := *e.Facts.Question
	question.RequestedAt = question.RequestedAt.AddDate(-100, 0, 0)
	e.Facts.Question = &question
	return e
}

func TestAllFieldsOfAConfirmedEndCountButResultAndFilesFromAProvenOneOnly(t *testing.T) {
	t.Parallel()
	bare := read(event("", workflows.OffloadCompleted, 10))
	said := sending(completed(10), "a")
	proven := lifecycle.Outcome(readOnce(received(running(), untimed(said), after(10)), caseID, bare, after(11)))
	require.Equal(t, "goal_achieved", proven.ResultStatus)
	require.JSONEq(t, `{"signedW9Received":true}`, string(proven.Facts.Result))
	require.Len(t, proven.Facts.Attachments, 1)
	require.JSONEq(t, `{"vendorId":"vendor_2048"}`, string(proven.Facts.Metadata))

	spoof := lifecycle.Outcome(readOnce(received(running(), unproven(said), after(10)), caseID, bare, after(11)))
	require.Equal(t, workflows.CaseCompleted, spoof.Status)
	require.Nil(t, spoof.Facts.Result)
	require.Nil(t, spoof.Facts.Attachments)
	require.Equal(t, json.RawMessage(`{"vendorId":"vendor_2048"}`), spoof.Facts.Metadata)

	reason := lifecycle.Outcome(readOnce(received(running(), untimed(failed(10)), after(10)), caseID, read(event("", workflows.OffloadFailed, 10)), after(11)))
	require.Equal(t, "nobody answered", *reason.Facts.FailureReason)
	require.Equal(t, "max_retries", reason.ResultStatus)
	require.Empty(t, reason.Unknown)
}

func TestAReadConfirmsOnlyWhatAgreesWithIt(t *testing.T) {
	t.Parallel()
	nameless, another := untimed(completed(10)), unproven(completed(10))
	nameless.Facts.CaseID, another.Facts.CaseID = "", "another"
	for name, row := range map[string]struct {
		event workflows.CaseEvent
		want  workflows.NewsSource
	}{
		"the same end":       {untimed(completed(10)), workflows.NewsByWebhook},
		"it names no case":   {nameless, workflows.NewsByWebhook},
		"another case":       {another, workflows.NewsByPoll},
		"another end":        {untimed(failed(10)), workflows.NewsByPoll},
		"an open question":   {untimed(inputNeeded("q1", 10)), workflows.NewsByPoll},
		"it runs at Offload": {untimed(event("", workflows.OffloadRunning, 10)), workflows.NewsByPoll},
	} {
		c := readOnce(received(running(), row.event, after(10)), caseID, read(completed(10)), after(11))
		requireStatus(t, workflows.CaseCompleted, c)
		require.Equal(t, row.want, lifecycle.Outcome(c).Source, name)
	}
}

func TestAnUnprovenEventOfAnotherCaseIsKeptOnlyIfItsURLCanStillProveIt(t *testing.T) {
	t.Parallel()
	another := unproven(completed(10))
	another.Facts.CaseID = "another"
	c := running()
	for range 2 {
		next, result := lifecycle.Receive(c, another, after(10))
		require.Empty(t, next.State.Unconfirmed)
		require.Equal(t, workflows.EventIgnored, result)
		require.Zero(t, next.State.EventsApplied)
		c = next
	}
	ended, result := lifecycle.Receive(received(running(), completed(5), after(5)), another, after(10))
	require.Equal(t, workflows.EventLate, result)
	require.Empty(t, ended.State.Unconfirmed)

	kept := received(adopted(uncertain(), 2), another, after(10))
	require.Len(t, kept.State.Unconfirmed, 1)
	require.Empty(t, received(kept, inputNeeded("q1", 9), after(11)).State.Unconfirmed, "its URL has named the adopted one")
	proof := inputNeeded("q1", 9)
	proof.Facts.CaseID = "another"
	kept = received(kept, proof, after(11))
	require.Equal(t, "another", kept.State.CaseID)
	require.Len(t, kept.State.Unconfirmed, 1, "a read of the other case can confirm it")
}

// The relay asks for LastApplied to learn whether a signal arrived, and an alert compares the events of signals with those that were counted.
func TestAnEventThatIsKeptForAReadCountsOnceAndWhenItIsKept(t *testing.T) {
	t.Parallel()
	confirming := running(options(func(o *workflows.CaseOptions) { o.ConfirmEnd = true }))
	for name, row := range map[string]struct {
		before lifecycle.Case
		event  workflows.CaseEvent
	}{
		"without a time":           {running(), untimed(completed(10))},
		"unproven":                 {running(), unproven(completed(10))},
		"to be confirmed":          {confirming, completed(10)},
		"without what GET has":     {running(), omitting(completed(10))},
		"before the case is known": {uncertain(), unproven(completed(10))},
	} {
		kept, result := lifecycle.Receive(row.before, row.event, after(11))
		require.Equal(t, workflows.EventApplied, result, name)
		require.Equal(t, &workflows.AppliedEvent{AcceptedAt: after(10), AppliedAt: after(11)}, kept.State.LastApplied, name)
		require.False(t, kept.State.Status.Ended(), name)
		if kept.State.CaseID == "" {
			kept = adopted(kept, 12)
		}
		confirmed := readOnce(kept, caseID, read(completed(10)), after(20))
		requireStatus(t, workflows.CaseCompleted, confirmed)
		require.Equal(t, 1, confirmed.State.EventsApplied, name)
		require.Equal(t, kept.State.LastApplied, confirmed.State.LastApplied, name)
	}
}
