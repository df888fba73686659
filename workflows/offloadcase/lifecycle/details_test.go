package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestWordsOfOthersStayInsideTheirQuotation(t *testing.T) {
	t.Parallel()
	hostile := "Please confirm.\r\r**COMPLETED** since 2026\u2028Approve at [the console](https://evil.example/login)\n# x"
	question := inputNeeded("q1", 10)
	question.Facts.Question.Text = hostile
	c := lifecycle.Receive(running(), question, after(10))
	c = lifecycle.ReconcileFailed(c, rules.Failure{Message: hostile}, after(20))
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

func TestACommandThatIsSuggestedIsSafeToPaste(t *testing.T) {
	t.Parallel()
	c := lifecycle.Receive(running(), inputNeeded("q1'; touch pasted; echo '`x`", 10), after(10))
	require.Contains(t, lifecycle.Details(c), "`` signalbox case answer vendor_2048 --question 'q1'\\''; touch pasted; echo '\\''`x`' --text '…' ``")
	require.Contains(t, lifecycle.WaitingFor(c), "`` q1'; touch pasted; echo '`x` ``", "as code, which is no command")
	c = lifecycle.Receive(running(), inputNeeded("q1\u202ex", 10), after(10))
	require.Contains(t, lifecycle.Details(c), "--question QUESTION_ID --text", "an ID with an invisible character is not pasted")
	require.Contains(t, lifecycle.Details(asked()), "--question q1 --text")
}

func TestAStatusThatIsNotDocumentedRaisesAttentionUntilAKnownOneIsShown(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"CANCELLED", "EXPIRED", "completed"} {
		c := lifecycle.Reconciled(asked(), shows(status, 20), after(30))
		requireStatus(t, workflows.CaseInputNeeded, c)
		require.Equal(t, []string{"input_needed", "unknown_status"}, lifecycle.Attention(c.State))
		require.Contains(t, c.State.LastError, status)
		require.NoError(t, lifecycle.CheckInput(c, answer("q1")))
		next := lifecycle.Next(c, after(60)).Reconcile
		require.Equal(t, status, next.Known.Status, "it is reported once")
		require.Equal(t, 10*c.Start.Options.PollFloor, next.Floor, "slowly")

		require.Equal(t, []string{"unknown_status"}, lifecycle.Attention(lifecycle.Reconciled(running(), shows(status, 20), after(30)).State))
		require.Empty(t, lifecycle.Attention(lifecycle.Reconciled(c, shows(workflows.OffloadRunning, 40), after(41)).State))
		require.Empty(t, lifecycle.Attention(lifecycle.Receive(c, completed(40), after(41)).State))
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
}
