package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// twoGivenUp returns a state with notices 1 and 2 given up, 3 waiting and 4 delivered.
func twoGivenUp() lifecycle.State {
	s := received(notice(1, app), notice(2, app), notice(3, app), notice(4, finance))
	s = down(s, notice(1, app), after(1))
	s = down(s, notice(2, app), after(2))
	return lifecycle.Delivered(s, key(notice(4, finance)), tries(1), after(3))
}

func TestAResentNoticeHasThreeMoreDaysAndItsOldPlace(t *testing.T) {
	t.Parallel()
	s, selected, err := lifecycle.Resend(twoGivenUp(), ids("ntc_1"), after(60*24*10))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Equal(t, []string{"app 1"}, toDeliver(s, after(60*24*10)), "before notice 3, by its seq")
	require.Equal(t, 72*time.Hour, lifecycle.Next(s, after(60*24*10)).Deliver[0].Within)
	require.Equal(t, "app 2 GIVEN_UP", statuses(s)[1])
	require.Zero(t, s.Notices[0].SettledAt)

	s = lifecycle.Delivered(s, key(notice(1, app)), tries(3), after(60*24*10))
	require.Equal(t, 83, s.Notices[0].Attempts, "attempts add up")
	require.Empty(t, s.Notices[0].LastError)
}

func TestResendAndDismissChooseAllWithoutIDs(t *testing.T) {
	t.Parallel()
	s, selected, err := lifecycle.Resend(twoGivenUp(), workflows.SelectNotices{}, after(5))
	require.NoError(t, err)
	require.Equal(t, 2, selected.Notices)
	require.Equal(t, []string{"app 1 WAITING", "app 2 WAITING", "app 3 WAITING", "finance 4 DELIVERED"}, statuses(s))
	require.Empty(t, lifecycle.Attention(s))

	s, selected, err = lifecycle.Dismiss(twoGivenUp(), workflows.SelectNotices{}, after(5))
	require.NoError(t, err)
	require.Equal(t, 2, selected.Notices)
	require.Equal(t, []string{"app 1 DISMISSED", "app 2 DISMISSED", "app 3 WAITING", "finance 4 DELIVERED"}, statuses(s))
	require.Equal(t, after(5), s.Notices[0].SettledAt)
	require.Empty(t, lifecycle.Attention(s))
}

func TestANoticeIsDismissedByItsID(t *testing.T) {
	t.Parallel()
	s, selected, err := lifecycle.Dismiss(twoGivenUp(), ids("ntc_2", "ntc_2"), after(5))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 DISMISSED", "app 3 WAITING", "finance 4 DELIVERED"}, statuses(s))
}

func TestAnIDChoosesTheTargetsForWhichItWasGivenUp(t *testing.T) {
	t.Parallel()
	s := received(notice(1, app), notice(1, finance))
	for _, first := range []workflows.Target{app, finance} {
		one, selected, err := lifecycle.Resend(down(s, notice(1, first), after(1)), ids("ntc_1"), after(2))
		require.NoError(t, err)
		require.Equal(t, 1, selected.Notices)
		require.Equal(t, []string{"app 1 WAITING", "finance 1 WAITING"}, statuses(one))
	}
	both := down(down(s, notice(1, app), after(1)), notice(1, finance), after(1))
	_, selected, err := lifecycle.Dismiss(both, ids("ntc_1"), after(2))
	require.NoError(t, err)
	require.Equal(t, 2, selected.Notices)
}

func TestANoticeThatCantBeResentOrDismissedIsNamedInTheRefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state    lifecycle.State
		selected workflows.SelectNotices
		want     string
		words    []string
	}{
		"unknown":      {twoGivenUp(), ids("ntc_1", "ntc_9"), workflows.ErrTypeUnknownNotice, []string{`"ntc_9"`}},
		"empty":        {twoGivenUp(), ids(""), workflows.ErrTypeInvalidArgument, []string{"ids[0]"}},
		"waiting":      {twoGivenUp(), ids("ntc_3"), workflows.ErrTypeNotGivenUp, []string{"ntc_3", "WAITING"}},
		"delivered":    {twoGivenUp(), ids("ntc_1", "ntc_4"), workflows.ErrTypeNotGivenUp, []string{"ntc_4", "DELIVERED"}},
		"nothing":      {begun(), workflows.SelectNotices{}, workflows.ErrTypeNotGivenUp, nil},
		"by":           {twoGivenUp(), workflows.SelectNotices{By: strings.Repeat("a", 501)}, workflows.ErrTypeInvalidArgument, []string{"by", "500"}},
		"a long story": {twoGivenUp(), ids(strings.Repeat("<", 10_000)), workflows.ErrTypeInvalidArgument, []string{"ids[0]", "250"}},
	} {
		requireRefusal(t, c.want, lifecycle.CheckResend(c.state, c.selected), c.words...)
		requireRefusal(t, c.want, lifecycle.CheckDismiss(c.state, c.selected), c.words...)
		same, _, err := lifecycle.Resend(c.state, c.selected, after(9))
		require.Error(t, err, name)
		require.Equal(t, c.state, same, "a refusal changes nothing")
		same, _, err = lifecycle.Dismiss(c.state, c.selected, after(9))
		require.Error(t, err, name)
		require.Equal(t, c.state, same)
	}
	longest := workflows.SelectNotices{By: strings.Repeat("a", 500)}
	require.NoError(t, lifecycle.CheckResend(twoGivenUp(), longest))
	require.NoError(t, lifecycle.CheckDismiss(twoGivenUp(), longest))
}

func TestANoticeWithoutDataIsNotResentButDismissed(t *testing.T) {
	t.Parallel()
	s := received(sized(1, app, workflows.MaxNoticeBytes), notice(2, app))
	requireRefusal(t, workflows.ErrTypeNoNoticeData, lifecycle.CheckResend(s, ids("ntc_1")), "ntc_1", "too large")
	requireRefusal(t, workflows.ErrTypeNoNoticeData, lifecycle.CheckResend(s, workflows.SelectNotices{}), "ntc_1")
	require.NoError(t, lifecycle.CheckDismiss(s, ids("ntc_1")))

	s = down(s, notice(2, app), after(1))
	resent, selected, err := lifecycle.Resend(s, workflows.SelectNotices{}, after(2))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices, "of all, those that can be sent again")
	require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 WAITING"}, statuses(resent))
}

func TestAnIDWithoutDataForOneTargetIsResentToTheOthers(t *testing.T) {
	t.Parallel()
	n := notice(1, app)
	n.To = []workflows.Target{{WorkflowID: strings.Repeat("a", 9000), Signal: "s"}, app} // the first is not a target that there can be
	s := down(received(n), notice(1, app), after(1))
	resent, selected, err := lifecycle.Resend(s, ids("ntc_1"), after(2))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Equal(t, []string{"app 1"}, toDeliver(resent, after(2)))
}

// toAll returns the state after one notice of so many bytes for so many callbacks.
func toAll(targets, bytes int) lifecycle.State {
	n := sized(1, app, bytes)
	n.To = nil
	for i := range targets {
		n.To = append(n.To, workflows.Target{Callback: fmt.Sprint("c", i)})
	}
	return received(n)
}

func TestDeliveriesThatStartTogetherFitOneRequestToTemporal(t *testing.T) {
	t.Parallel()
	s := toAll(20, 130<<10)
	wanted := lifecycle.Next(s, t0).Deliver
	require.Len(t, wanted, 20)
	started, bytes := 0, 0
	for more := true; more; {
		plan := lifecycle.Startable(s, wanted[started:], nil, bytes)
		text, err := json.Marshal(plan.Start)
		require.NoError(t, err)
		require.Less(t, len(text), 3<<20)
		require.NotEmpty(t, plan.Start)
		require.False(t, plan.Full)
		started += len(plan.Start)
		bytes += len(text)
		more = plan.More
	}
	require.Equal(t, 20, started)
}

func TestDeliveriesOfOneRunFitItsHistory(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]lifecycle.State{"many": toAll(21, 190<<10), "large": toAll(5, 700<<10)} {
		wanted := lifecycle.Next(s, t0).Deliver
		text, err := json.Marshal(s)
		require.NoError(t, err)
		held, started, running := len(text), 0, []lifecycle.Key(nil)
		var plan lifecycle.Plan
		for {
			plan = lifecycle.Startable(s, wanted, running, started)
			if len(plan.Start) == 0 {
				break
			}
			for _, d := range plan.Start {
				running = append(running, lifecycle.Key{ID: d.Notice.ID, To: d.To})
				started += d.Bytes
			}
			wanted = wanted[len(plan.Start):]
			require.Less(t, held+started, 3<<20, name)
		}
		require.NotEmpty(t, wanted, name)
		require.True(t, plan.Full, name)
		require.False(t, plan.NewRun, "%s: a new run would have no more room", name)

		// In the next run those go first that had no turn.
		next := lifecycle.Next(lifecycle.Interrupted(s, running), t0).Deliver
		for i, d := range wanted {
			require.Equal(t, d.To, next[i].To, name)
		}
		require.Equal(t, toDeliver(s, t0), toDeliver(lifecycle.Interrupted(s, nil), t0))

		plan = lifecycle.Startable(s, wanted, running[1:], started)
		require.True(t, plan.Full, name)
		require.True(t, plan.NewRun, "%s: one has ended", name)
		plan = lifecycle.Startable(s, wanted, nil, 0)
		require.NotEmpty(t, plan.Start, "%s: the first always fits", name)
	}
}

func TestAResendStaysWithinTheBytesThatMayWait(t *testing.T) {
	t.Parallel()
	half := workflows.MaxWaitingNoticeBytes / 2
	s := down(received(sized(1, app, half)), sized(1, app, half), after(1))
	s = lifecycle.Receive(s, []workflows.AddressedNotice{sized(2, app, half)}, after(2))
	requireRefusal(t, workflows.ErrTypeTooMany, lifecycle.CheckResend(s, ids("ntc_1")), "ntc_1")

	s = lifecycle.Delivered(s, key(notice(2, app)), tries(1), after(3))
	require.NoError(t, lifecycle.CheckResend(s, ids("ntc_1")))
}

func TestAResendStaysWithinTheNumberOfTargets(t *testing.T) {
	t.Parallel()
	target := func(i int) workflows.Target {
		return workflows.Target{WorkflowID: fmt.Sprintf("app-%d", i), Signal: "s"}
	}
	s := down(received(notice(1, app), notice(2, finance)), notice(1, app), after(1))
	s = down(s, notice(2, finance), after(1))
	for i := range workflows.MaxNoticeTargets - 1 {
		s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(int64(10+i), target(i))}, after(2))
	}
	requireRefusal(t, workflows.ErrTypeTooMany, lifecycle.CheckResend(s, ids("ntc_1", "ntc_2")), "ntc_2", "500")
	_, selected, err := lifecycle.Resend(s, workflows.SelectNotices{}, after(3))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices, "of all, as many as may wait")
}

func TestForgottenNoticesAreDismissedWithAll(t *testing.T) {
	t.Parallel()
	s := twoGivenUp()
	s.Forgotten = 3
	all, selected, err := lifecycle.Dismiss(s, workflows.SelectNotices{}, after(5))
	require.NoError(t, err)
	require.Equal(t, 5, selected.Notices)
	require.Empty(t, lifecycle.Attention(all))

	some, _, err := lifecycle.Dismiss(s, ids("ntc_1", "ntc_2"), after(5))
	require.NoError(t, err)
	require.NotEmpty(t, lifecycle.Attention(some), "three are still unknown to everybody")
	some, selected, err = lifecycle.Dismiss(some, workflows.SelectNotices{}, after(6))
	require.NoError(t, err)
	require.Equal(t, 3, selected.Notices)
	require.Empty(t, lifecycle.Attention(some))
	requireRefusal(t, workflows.ErrTypeInvalidArgument, lifecycle.CheckDismiss(s, workflows.SelectNotices{By: strings.Repeat("a", 501)}))
}

func TestAFailureIsShownUntilTheNoticeIsDelivered(t *testing.T) {
	t.Parallel()
	s := lifecycle.Failed(received(notice(1, app)), key(notice(1, app)), rules.Failure{Message: strings.Repeat("<", 1000)}, tries(7), after(1))
	record := lifecycle.View(s).Notices[0]
	require.Equal(t, 7, record.Attempts)
	require.Equal(t, workflows.NoticeGivenUp, record.Status)
	require.LessOrEqual(t, workflows.JSONLen(record.LastError), 500)
	require.NotEmpty(t, record.LastError)
}

// An app may use a reference again while the end of the earlier case is still given up.
func TestTheEndOfASecondCaseOfAReferenceWaitsBesideTheGivenUpEndOfTheFirst(t *testing.T) {
	t.Parallel()
	ended := func(begun time.Time) workflows.AddressedNotice {
		n := notice(5, app)
		n.ID, n.Kind = rules.NoticeID(source, workflows.NoticeCaseCompleted, rules.CaseSubject(begun, "")), workflows.NoticeCaseCompleted
		return n
	}
	s := down(received(ended(t0)), ended(t0), after(1))
	s = lifecycle.Receive(s, []workflows.AddressedNotice{ended(t0), ended(after(2))}, after(3))
	require.Equal(t, []string{"app 5 GIVEN_UP", "app 5 WAITING"}, statuses(s))
	require.Equal(t, []string{"app 5"}, toDeliver(s, after(3)))
}
