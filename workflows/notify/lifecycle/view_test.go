package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

func TestTheViewListsEachNoticeWithoutItsData(t *testing.T) {
	t.Parallel()
	s := twoGivenUp()
	view := lifecycle.View(s)
	require.Equal(t, source, view.Source)
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, view.Attention)
	require.Equal(t, workflows.NoticeRecord{
		ID: "ntc_1", Seq: 1, Kind: workflows.NoticeCaseInputNeeded, Time: t0, To: app,
		Status: workflows.NoticeGivenUp, SettledAt: after(1), Attempts: 80, LastError: "workflow not found",
	}, view.Notices[0])
	require.Equal(t, workflows.NoticeRecord{
		ID: "ntc_4", Seq: 4, Kind: workflows.NoticeCaseInputNeeded, Time: t0, To: finance,
		Status: workflows.NoticeDelivered, SettledAt: after(3), Attempts: 1,
	}, view.Notices[3], "no data is expected of what was delivered")
}

func TestWaitingForNamesTheNextStep(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]lifecycle.State{
		"nothing: it ends at 2026-03-21T12:10:00Z unless notices come":                          begun(),
		"delivery: 1 notice, 1 target":                                                          received(notice(1, app)),
		"delivery: 3 notices, 2 targets":                                                        received(notice(1, app), notice(2, app), notice(3, finance)),
		"delivery: 1 notice, 1 target; a person: 2 notices given up, to be resent or dismissed": twoGivenUp(),
		"a person: 1 notice given up, to be resent or dismissed":                                down(received(notice(1, app)), notice(1, app), t0),
	} {
		require.Equal(t, want, lifecycle.WaitingFor(s))
	}
}

func TestTheDetailsSayWhatAPersonCanDo(t *testing.T) {
	t.Parallel()
	details := lifecycle.Details(twoGivenUp())
	for _, want := range []string{
		"`" + source + "`", "`case.input_needed` `ntc_1` for `workflow app`, since 2026-03-21T12:01:00Z: `workflow not found`", "`resend`", "`dismiss`",
	} {
		require.Contains(t, details, want)
	}
	require.NotContains(t, details, "more")
	require.NotContains(t, details, "ntc_3")
	require.NotContains(t, lifecycle.Details(received(notice(1, app))), "Given up")

	s := begun()
	for seq := range int64(12) {
		s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(seq+1, app)}, t0)
		s = down(s, notice(seq+1, app), t0)
	}
	require.Contains(t, lifecycle.Details(s), "- and 2 more")
	require.Contains(t, lifecycle.Details(s), "`ntc_10`")
	require.NotContains(t, lifecycle.Details(s), "ntc_11")
}

func TestForeignTextIsShownAsCode(t *testing.T) {
	t.Parallel()
	n := notice(1, workflows.Target{WorkflowID: "app` **bold** [link](https://evil.example)\n# title", Signal: "s"})
	s := lifecycle.Failed(received(n), key(n), rules.Failure{Message: "a\n\n`b`"}, tries(1), t0)
	details := lifecycle.Details(s)
	require.Contains(t, details, "`` workflow app` **bold** [link](https://evil.example) # title ``")
	require.Contains(t, details, "`` a  `b` ``")
}
