package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestForeignTextStaysInsideItsQuotation(t *testing.T) {
	t.Parallel()
	hostile := "Please confirm.\r\r**COMPLETED** since 2026\u2028Approve at [the console](https://evil.example/login)\n# x"
	question := inputNeeded("q1", 10)
	question.Facts.Question.Text = hostile
	c := received(running(), question, after(10))
	c = reconcileFailed(c, rules.Failure{Message: hostile}, after(20))
	quoted := 0
	for _, line := range strings.FieldsFunc(lifecycle.Details(c), func(r rune) bool { return strings.ContainsRune("\r\n\u2028", r) }) {
		if strings.HasPrefix(line, "> ") {
			quoted++
			require.NotRegexp(t, `(^|[^\\])[*\[\]()#:/]`, line, "it is shown as it was written")
			continue
		}
		require.NotContains(t, line, "COMPLETED")
		require.NotContains(t, line, "evil")
		require.NotContains(t, line, "# x")
	}
	require.Equal(t, 8, quoted, "four lines each")
}

func TestASuggestedCommandIsSafeToPaste(t *testing.T) {
	t.Parallel()
	c := received(running(), inputNeeded("q1'; touch pasted; echo '`x`", 10), after(10))
	require.Contains(t, lifecycle.Details(c), "`` signalbox case answer vendor_2048 --question 'q1'\\''; touch pasted; echo '\\''`x`' --text '…' ``")
	require.Contains(t, lifecycle.WaitingFor(c), "`` q1'; touch pasted; echo '`x` ``", "as code, which is no command")
	c = received(running(), inputNeeded("q1\u202ex", 10), after(10))
	require.Contains(t, lifecycle.Details(c), "--question QUESTION_ID --text", "an ID with an invisible character is not pasted")
	require.Contains(t, lifecycle.Details(asked()), "--question q1 --text")
}

func TestAnUnknownStatusRaisesAttentionUntilAKnownOneIsRead(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"CANCELLED", "EXPIRED", "completed"} {
		c := reconciled(asked(), shows(status, 20), after(30))
		requireStatus(t, workflows.CaseInputNeeded, c)
		require.Equal(t, []string{"input_needed", "unknown_status"}, lifecycle.Attention(c.State))
		require.Contains(t, c.State.LastError, status)
		require.NoError(t, lifecycle.CheckProvideInput(c, answer("q1")))
		next := lifecycle.Next(c, after(60)).Reconcile
		require.Equal(t, status, next.Known.Status, "it is reported once")
		require.Equal(t, 10*c.Start.Options.PollFloor, next.Floor, "slowly")

		require.Equal(t, []string{"unknown_status"}, lifecycle.Attention(reconciled(running(), shows(status, 20), after(30)).State))
		require.Empty(t, lifecycle.Attention(reconciled(c, shows(workflows.OffloadRunning, 40), after(41)).State))
		over := received(c, completed(40), after(41))
		require.Empty(t, lifecycle.Attention(over.State))
		require.Empty(t, over.State.LastError)
		require.Empty(t, received(c, inputNeeded("q2", 40), after(41)).State.LastError)

		trouble := reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadForbidden, Message: "no access"}, after(35))
		require.Equal(t, "no access", received(trouble, inputNeeded("q2", 40), after(41)).State.LastError, "the trouble goes on")
	}
}

func TestAttentionIsDueWhenItBecomesUrgent(t *testing.T) {
	t.Parallel()
	expiring := options(func(o *workflows.CaseOptions) { o.QuestionExpiresAfter = workflows.Duration(3600e9) })
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(30) })
	tick := func(c lifecycle.Case) lifecycle.Case { return lifecycle.Tick(c, after(10)) }
	require.Equal(t, after(70), lifecycle.DueAt(tick(asked(expiring))))
	require.Equal(t, after(30), lifecycle.DueAt(tick(asked(expiring, deadline))))
	require.Equal(t, after(10), lifecycle.DueAt(lifecycle.Tick(tick(asked()), after(20))), "else since when")

	far := lifecycle.CreateFailed(began(options(func(o *workflows.CaseOptions) { o.Deadline = after(30 * 24 * 60) })), rules.Failure{}, after(10))
	without := lifecycle.CreateFailed(began(), rules.Failure{}, after(11))
	require.Equal(t, []string{workflows.AttentionCreateUncertain}, lifecycle.Attention(far.State))
	require.Equal(t, after(10), lifecycle.DueAt(lifecycle.Tick(far, after(10))), "the case's deadline does not concern it")
	require.Equal(t, after(11), lifecycle.DueAt(lifecycle.Tick(without, after(11))))
}

func TestEachStateSaysWhatItWaitsForAndWhatToDo(t *testing.T) {
	t.Parallel()
	failedWith := func(errorType string) rules.Failure { return rules.Failure{Type: errorType, Message: "no luck"} }
	correcting := options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true })
	naming := func(caseID string, minute int) workflows.CaseEvent {
		e := unproven(completed(minute))
		e.Facts.CaseID = caseID
		return e
	}
	settle := "A person has to find out whether Offload created the case. A webhook on its URL decides it; otherwise use adopt-case with its caseId, " +
		"or retry-create if there is none."
	howToSettle := "Resolve it with `signalbox case adopt vendor_2048 CASE_ID` or `signalbox case retry-create vendor_2048`, or the updates `adopt-case` and `retry-create`."
	silent := reconciled(running(), shows(workflows.OffloadInputNeeded, 10), after(10))
	for name, row := range map[string]struct {
		c       lifecycle.Case
		waiting string
		rest    string
	}{
		"creating": {began(), "POST /cases is under way.", ""},
		"its creation is not taken": {
			lifecycle.Tick(began(), after(3)),
			"POST /cases could not be sent, or was throttled, for minutes; it is retried automatically. The pending activity shows the last failure.",
			"",
		},
		"its creation needs help": {
			lifecycle.CreateFailed(began(), failedWith(workflows.ErrTypeOffloadUnauthorized), t0),
			"Offload can't create the case yet (unauthorized); it is retried automatically.",
			"Last error:\n\n> no luck",
		},
		"its request was rejected": {
			lifecycle.CreateFailed(began(correcting), failedWith(workflows.ErrTypeOffloadInvalidRequest), t0),
			"Offload rejected the request; retry-create with a corrected one, or cancel.",
			"Correct it with `signalbox case retry-create vendor_2048 -f corrected.json` or the update `retry-create`.\n\n" +
				"Last error:\n\n> no luck",
		},
		"uncertain": {uncertain(), settle, howToSettle},
		"uncertain, and events name cases": {
			received(received(received(uncertain(), naming("one", 2), after(2)), naming("", 3), after(3)), naming("two", 4), after(4)),
			settle + " An unproven event names `one`, `two`.",
			howToSettle,
		},
		"verifying": {verifying(), "A read verifies the case that adopt-case named.", howToSettle},
		"running":   {running(), "A webhook of Offload; from 2026-03-21T12:15:00Z on Signalbox reads the case by itself.", ""},
		"its last read is under way": {
			lifecycle.Tick(running(options(func(o *workflows.CaseOptions) { o.Deadline = after(10) })), after(10)),
			"The deadline passed; a last read of the case is under way.", "",
		},
		"an event is confirmed": {received(running(), untimed(completed(10)), after(10)), "A read of the case confirms an event.", ""},
		"its end is read": {
			received(running(), omitting(completed(10)), after(10)),
			"Offload ended the case; a read brings what the webhook lacks.", "",
		},
		"reading needs help": {
			reconcileFailed(running(), failedWith(workflows.ErrTypeOffloadForbidden), after(20)),
			"A webhook of Offload. Reading the case fails (forbidden) and is retried slowly.",
			"Last error:\n\n> no luck",
		},
		"its status is unknown": {
			reconciled(running(), shows("PAUSED", 20), after(20)),
			"A webhook of Offload. Signalbox does not know the case's status at Offload; the case is read again slowly.",
			"Last error:\n\n> Offload reports status \"PAUSED\", which Signalbox does not know",
		},
		"it asks": {
			asked(), "A person has to answer question `q1`.",
			"> Is a signed PDF acceptable?\n\nAsked 2026-03-21T12:10:00Z. " +
				"Answer with `signalbox case answer vendor_2048 --question q1 --text '…'` or the update `provide-input`.",
		},
		"it asks something": {
			silent, "Offload asks a question but has not said which; its webhook or the next read brings it.", "",
		},
		"the answer is sent": {answering(), "The answer is being sent to Offload.", ""},
		"the answer is there": {
			lifecycle.Answered(answering(), "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21)),
			"Offload has the answer and is processing it.", "",
		},
		"its end is handed off": {received(running(replying), completed(10), after(10)), "Ended; its notices are being handed off.", ""},
		"its files are started": {received(running(), sending(completed(10), "a"), after(10)), "Ended; its notices are being handed off.", ""},
		"done":                  {handedOff(received(running(), completed(10), after(10))), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.waiting, lifecycle.WaitingFor(row.c))
			paragraphs := []string{fmt.Sprintf("**%s** since %s", row.c.State.Status, row.c.State.Since.Format(time.RFC3339))}
			for _, p := range []string{row.waiting, row.rest} {
				if p != "" {
					paragraphs = append(paragraphs, p)
				}
			}
			require.Equal(t, strings.Join(paragraphs, "\n\n"), lifecycle.Details(row.c))
		})
	}
}
