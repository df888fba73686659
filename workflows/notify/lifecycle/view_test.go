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
		"Nothing is left to deliver. This workflow ends at 2026-03-21T12:10:00Z unless new notices arrive.":                                                            begun(),
		"1 notice to 1 target still to deliver. Failed deliveries are retried automatically.":                                                                          received(notice(1, app)),
		"3 notices to 2 targets still to deliver. Failed deliveries are retried automatically.":                                                                        received(notice(1, app), notice(2, app), notice(3, finance)),
		"1 notice to 1 target still to deliver. Failed deliveries are retried automatically. A person has to resend or dismiss 2 notices that could not be delivered.": twoGivenUp(),
		"A person has to resend or dismiss 1 notice that could not be delivered.":                                                                                      down(received(notice(1, app)), notice(1, app), t0),
	} {
		require.Equal(t, want, lifecycle.WaitingFor(s))
	}
}

func TestTheDetailsSayWhatAPersonCanDo(t *testing.T) {
	t.Parallel()
	details := lifecycle.Details(twoGivenUp())
	for _, want := range []string{
		"`" + source + "`", "`case.input_needed` `ntc_1` for `workflow app`, since 2026-03-21T12:01:00Z: `workflow not found`", "send the update `resend`; to give them up for good, send `dismiss`",
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
