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

// sending returns the event with one attachment for each ID, received in that order.
func sending(e workflows.CaseEvent, ids ...string) workflows.CaseEvent {
	for i, id := range ids {
		e.Facts.Attachments = append(e.Facts.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", ReceivedAt: after(i)})
	}
	return e
}

func omitting(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts.Result = nil
	e.Facts = e.Facts.Omitting(workflows.FieldResult)
	return e
}

func TestFilesAreHandedToAnotherWorkflowAfterTheEnd(t *testing.T) {
	t.Parallel()
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(30) })
	withFiles := func(change ...func(*workflows.CaseStart)) lifecycle.Case {
		return received(running(change...), sending(inputNeeded("q1", 10), "a", "b"), after(10))
	}
	tooLarge := readFailed(received(withFiles(), omitting(completed(20)), after(20)), caseID, rules.Failure{}, after(21))
	for name, row := range map[string]struct {
		c      lifecycle.Case
		want   string
		result bool
	}{
		"it waits for an answer":               {c: withFiles()},
		"it completed":                         {c: received(withFiles(), completed(20), after(20)), want: "a b"},
		"it completed by poll":                 {c: reconciled(withFiles(), read(completed(20)), after(20)), want: "a b"},
		"one more comes after the end":         {c: received(received(withFiles(), completed(20), after(20)), sending(completed(50), "a", "b", "c"), after(50)), want: "a b c"},
		"it failed":                            {c: received(withFiles(), failed(20), after(20)), want: "a b"},
		"it expired":                           {c: readFailed(lifecycle.Tick(withFiles(deadline), after(30)), caseID, rules.Failure{}, after(31)), want: "a b"},
		"it was cancelled":                     {c: lifecycle.Cancel(withFiles(), workflows.CancelCase{}, after(20))},
		"it completed without any":             {c: received(running(), completed(20), after(20))},
		"an attachment has no ID":              {c: received(running(), sending(completed(20), "", "a"), after(20)), want: "a"},
		"its result is too large for an event": {c: tooLarge, want: "a b", result: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := handOff(row.c, 60)
			if row.want == "" && !row.result {
				require.Nil(t, h.Files)
				require.Empty(t, lifecycle.Outcome(row.c).FilesWorkflowID)
				return
			}
			var ids []string
			for _, a := range h.Files.Attachments {
				ids = append(ids, a.ID)
			}
			require.Equal(t, row.want, strings.Join(ids, " "))
			require.Equal(t, row.result, h.Files.Result)
			require.Equal(t, "offload-files/vendor_2048", lifecycle.Outcome(row.c).FilesWorkflowID)
			require.False(t, lifecycle.Next(row.c, after(60)).Done)
			done := lifecycle.HandOffSucceeded(row.c, *h)
			require.True(t, lifecycle.Next(done, after(60)).Done)
			require.Equal(t, lifecycle.Outcome(row.c), lifecycle.Outcome(done))
		})
	}
}

func TestTheOutcomeIsHandedOffAtOnceTogetherWithItsFiles(t *testing.T) {
	t.Parallel()
	c := received(running(replying), sending(completed(20), "a"), after(20))
	fx := lifecycle.Next(c, after(20))
	require.True(t, fx.Ended)
	require.False(t, fx.Done)
	notice := fx.HandOff.Notices[0]
	require.Equal(t, &workflows.ReplyTo{WorkflowID: "app", Signal: "case-news"}, notice.ReplyTo)
	require.Equal(t, workflows.NoticeCaseCompleted, notice.Kind)
	require.Equal(t, "offload-case/vendor_2048", notice.Source)
	require.Equal(t, "vendor_2048", notice.Reference)
	require.Equal(t, after(20), notice.Time)
	require.Equal(t, lifecycle.Outcome(c), *notice.Data.Outcome)
	require.Equal(t, &workflows.FilesStart{
		Account: "default", Reference: "vendor_2048", CaseID: caseID, EndedAt: after(20),
		Attachments: []workflows.Attachment{{ID: "a", Name: "a.pdf", ReceivedAt: after(0)}}, Seq: notice.Seq, ReplyTo: c.Start.ReplyTo,
	}, fx.HandOff.Files)
	require.True(t, lifecycle.Next(lifecycle.HandOffSucceeded(c, *fx.HandOff), after(20)).Done)
}

// A reference may be used again after an erasure, or after the retention. Receivers drop an ID that they have seen.
func TestTheNoticesOfTwoCasesOfOneReferenceHaveDifferentIDs(t *testing.T) {
	t.Parallel()
	ids := func(begun time.Time, firstTask int) map[string]bool {
		c := lifecycle.Created(lifecycle.Begin(start(), begun, after(firstTask)), workflows.CreateCaseResult{CaseID: caseID}, after(firstTask))
		c = received(c, inputNeeded("q1", 10), after(10))
		ids := map[string]bool{c.State.Outbox.Waiting[0].ID: true}
		for _, n := range received(c, completed(20), after(20)).State.Outbox.Waiting {
			ids[n.ID] = true
		}
		require.Len(t, ids, 2)
		return ids
	}
	first := ids(t0, 0)
	require.Equal(t, first, ids(t0, 5), "a reset to the first task keeps each ID")
	for id := range ids(t0.Add(time.Nanosecond), 0) {
		require.NotContains(t, first, id)
	}
}

func TestAFailedHandOffIsRetriedWithoutLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]lifecycle.Case{
		"notices":    received(running(replying), completed(10), after(10)),
		"files":      received(running(), sending(completed(10), "a"), after(10)),
		"a question": asked(replying),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := after(10)
			for range 2000 {
				h := lifecycle.Next(c, now).HandOff
				require.NotNil(t, h)
				c = lifecycle.HandOffFailed(c, *h, rules.Failure{Message: "no Temporal"}, now)
				fx := lifecycle.Next(c, now)
				require.Nil(t, fx.HandOff)
				require.False(t, fx.Done)
				now = c.State.Outbox.NotBefore
				require.False(t, fx.Wake.After(now))
			}
			require.NotNil(t, lifecycle.Next(c, now).HandOff)
			require.NotContains(t, lifecycle.Attention(c.State), workflows.AttentionNoticeRefused)
			require.Contains(t, lifecycle.Attention(c.State), workflows.AttentionNoticeDelayed)
			require.Contains(t, lifecycle.WaitingFor(c), "could not be handed off for minutes; this is retried automatically. The last error: `no Temporal`.")
			require.NotContains(t, lifecycle.Outcome(c).Attention, workflows.AttentionNoticeDelayed, "it is over once the outcome is handed off")

			waiting := len(c.State.Outbox.Waiting)
			c = lifecycle.Tick(c, now)
			require.Len(t, c.State.Outbox.Waiting, waiting, "no notice can tell it")
			c = lifecycle.HandOffSucceeded(c, *lifecycle.Next(c, now).HandOff)
			require.NotContains(t, lifecycle.Attention(c.State), workflows.AttentionNoticeDelayed)
		})
	}
}

func TestFailedHandOffsAreOverOnceNothingWaits(t *testing.T) {
	t.Parallel()
	fail := func(c lifecycle.Case) lifecycle.Case {
		for range 8 {
			now := c.State.Outbox.NotBefore
			c = lifecycle.HandOffFailed(c, *lifecycle.Next(c, now).HandOff, rules.Failure{Message: "no Temporal"}, now)
		}
		return c
	}
	c := lifecycle.Tick(fail(asked(replying)), after(20))
	require.Contains(t, lifecycle.Attention(c.State), workflows.AttentionNoticeDelayed)
	require.NoError(t, lifecycle.CheckProvideInput(c, answer("q1")))
	c = lifecycle.Tick(lifecycle.ProvideInput(c, answer("q1"), after(21)), after(21))
	require.Empty(t, c.State.Outbox.Waiting)
	require.Empty(t, lifecycle.Attention(c.State))
	require.NotContains(t, lifecycle.WaitingFor(c), "no Temporal")

	files := lifecycle.Tick(fail(received(running(), sending(completed(10), "a"), after(10))), after(20))
	files.State.Outbox.Waiting = nil // its notices were refused
	files = lifecycle.Tick(files, after(21))
	require.Contains(t, lifecycle.Attention(files.State), workflows.AttentionNoticeDelayed, "the files wait for the hand-off")
}

func TestAHandOffThatTemporalRefusesRaisesAttentionAndBlocksNothing(t *testing.T) {
	t.Parallel()
	refused := rules.Failure{Type: workflows.ErrTypeNoticeInvalid}
	c := received(running(replying), sending(completed(10), "a"), after(10))
	c = lifecycle.HandOffFailed(c, *handOff(c, 10), refused, after(10))
	require.Equal(t, []string{workflows.AttentionNoticeRefused}, lifecycle.Outcome(c).Attention)
	h := handOff(c, 11)
	require.Empty(t, h.Notices)
	require.NotNil(t, h.Files, "the files may be fine")
	c = lifecycle.HandOffFailed(c, *h, refused, after(11))
	require.True(t, lifecycle.Next(c, after(11)).Done)
	require.Empty(t, lifecycle.Outcome(c).FilesWorkflowID)
}

func TestARefusedNoticeOfALongCaseNeedsNoPersonAfterSevenDays(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * 60
	c := asked(replying)
	c = lifecycle.HandOffFailed(c, *handOff(c, 10), rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, after(10))
	c = lifecycle.Tick(c, after(10+week-1))
	require.Contains(t, lifecycle.Attention(c.State), workflows.AttentionNoticeRefused)
	c.State.ReconcileAt = after(2 * week) // reads go on meanwhile
	require.Equal(t, after(10+week), lifecycle.Next(c, after(10+week-1)).Wake)
	c = lifecycle.Tick(c, after(10+week))
	require.Equal(t, []string{workflows.AttentionInputNeeded}, lifecycle.Attention(c.State))
}

func TestTheOutcomeSaysWhereTheResultIs(t *testing.T) {
	t.Parallel()
	blind := func(c lifecycle.Case) lifecycle.Case {
		return readFailed(c, caseID, rules.Failure{}, after(11))
	}
	large := blind(received(running(), omitting(completed(10)), after(10)))
	refused := lifecycle.HandOffFailed(large, workflows.HandOff{Files: &workflows.FilesStart{}}, rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, after(11))
	cancelled := lifecycle.Cancel(received(running(), unproven(completed(9)), after(9)), workflows.CancelCase{}, after(10))
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want workflows.ResultPlace
	}{
		"inline":                      {received(running(), completed(10), after(10)), workflows.ResultInline},
		"stored":                      {large, workflows.ResultStored},
		"storing it was refused":      {refused, workflows.ResultOmitted},
		"cancelled before":            {received(cancelled, omitting(completed(11)), after(11)), workflows.ResultOmitted},
		"failed, so it has none":      {received(running(), failed(10), after(10)), ""},
		"cancelled, so there is none": {cancelled, ""},
	} {
		require.Equal(t, row.want, lifecycle.Outcome(row.c).ResultIs, name)
	}
}

func TestANoticeAnnouncesEachNewReasonForAttention(t *testing.T) {
	t.Parallel()
	tick := func(c lifecycle.Case, minute int) lifecycle.Case { return lifecycle.Tick(c, after(minute)) }
	c := tick(reconcileFailed(running(replying), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(20)), 20)
	first := handOff(c, 20).Notices
	require.Len(t, first, 1)
	require.Equal(t, workflows.NoticeCaseAttention, first[0].Kind)
	require.Equal(t, []string{"unauthorized"}, first[0].Data.Attention)
	c = tick(handedOff(c), 21)
	require.Nil(t, handOff(c, 21), "once")

	c = tick(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadNoNews}, after(30)), 30)
	require.Nil(t, handOff(c, 30), "that it is over is not told")
	c = tick(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(40)), 40)
	again := handOff(c, 40).Notices
	require.NotEqual(t, first[0].ID, again[0].ID)
	require.Greater(t, again[0].Seq, first[0].Seq)

	question := tick(asked(replying), 10)
	require.Equal(t, []string{"case.input_needed"}, kinds(question), "it has its own notice")
	conflict := tick(received(received(running(replying), completed(10), after(10)), failed(11), after(11)), 11)
	require.Equal(t, []string{"case.completed"}, kinds(conflict), "the outcome names it")
	require.Equal(t, []string{"conflict"}, handOff(conflict, 11).Notices[0].Data.Outcome.Attention)
}

// A run that was reset numbers its notices as the run before it did. Receivers drop an ID that they have seen.
func TestAResetGivesNewAttentionNoOldID(t *testing.T) {
	t.Parallel()
	id := func(c lifecycle.Case, minute int) string {
		t.Helper()
		notices := handOff(lifecycle.Tick(c, after(minute)), minute).Notices
		require.Len(t, notices, 1)
		return notices[0].ID
	}
	reminding := func(s *workflows.CaseStart) { s.Options.RemindAfter = workflows.Duration(time.Minute) }
	refused := lifecycle.CreateFailed(began(replying), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(1))
	unsure := lifecycle.CreateFailed(began(replying), rules.Failure{Type: workflows.ErrTypeOffloadUncertain}, after(2))
	require.NotEqual(t, id(refused, 1), id(unsure, 2))
	question := handedOff(asked(replying, reminding))
	require.NotEqual(t, id(question, 100), id(question, 200), "a reminder")
	require.Equal(t, id(asked(replying), 10), id(asked(replying), 11), "the same question")
	require.Equal(t, id(received(running(), completed(10), after(10)), 10), id(received(running(), completed(20), after(20)), 20), "the end")
}

func TestAWaitingNoticeOfAttentionIsMergedWithNewReasons(t *testing.T) {
	t.Parallel()
	told := func(c lifecycle.Case) []string {
		t.Helper()
		notices := handOff(c, 1000).Notices
		require.Len(t, notices, 1)
		return notices[0].Data.Attention
	}
	second := completed(21)
	second.Facts.CaseID = "another"
	c := lifecycle.Tick(reconcileFailed(running(replying), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(20)), after(20))
	both := lifecycle.Tick(received(c, second, after(21)), after(21))
	require.Equal(t, []string{"second_case", "unauthorized"}, told(both))
	over := lifecycle.Tick(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadForbidden}, after(21)), after(21))
	require.Equal(t, []string{"forbidden"}, told(over), "what is over is not told any more")
}

func TestWhileHandOffsFailTheNewestOfEachKindWaits(t *testing.T) {
	t.Parallel()
	c := asked(replying, options(func(o *workflows.CaseOptions) { o.RemindAfter = workflows.Duration(time.Minute) }))
	for i := range 500 {
		minute := 11 + i
		errType := []string{workflows.ErrTypeOffloadUnauthorized, workflows.ErrTypeOffloadForbidden}[i%2]
		c = reconcileFailed(c, rules.Failure{Type: errType}, after(minute))
		c = received(c, inputNeeded(fmt.Sprint("q", i), minute), after(minute))
		c = lifecycle.Tick(c, after(minute))
		require.LessOrEqual(t, len(c.State.Outbox.Waiting), 2)
	}
	for _, n := range handOff(c, 1000).Notices {
		if n.Kind == workflows.NoticeCaseInputNeeded {
			require.Equal(t, "q499", n.Data.Question.ID)
			require.NotEmpty(t, n.Data.Question.Text)
		}
	}
	c = received(c, completed(600), after(600))
	require.Equal(t, []string{"case.attention", "case.completed"}, kinds(c), "the question is no longer open")
}
