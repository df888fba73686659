package clienttest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// giveUp makes a source whose one notice is given up: its receiver names no workflow that there is.
func giveUp(t *testing.T, source, noticeID string) {
	t.Helper()
	given := []workflows.AddressedNotice{{
		Notice:       workflows.Notice{ID: noticeID, Seq: 1, Kind: workflows.NoticeCaseCompleted, Source: source, Time: time.Now()},
		To:           []workflows.Target{{WorkflowID: "absent", Signal: "told"}},
		OmittedBytes: workflows.MaxNoticeBytes + 1,
	}}
	stories.MustRetry(t, func(ctx context.Context) (client.WorkflowRun, error) {
		return shared.SignalWithStartWorkflow(ctx, workflows.NotifyWorkflowID(source), workflows.SignalNotices, given, client.StartWorkflowOptions{
			ID: workflows.NotifyWorkflowID(source), TaskQueue: workflows.TaskQueueWorkflows, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, workflows.NotifyWorkflow, workflows.NotifyStart{})
	})
}

func requireGivenUpNoticesAreListed(t *testing.T) {
	t.Helper()
	reference := unique("given-up")
	source := workflows.OffloadCaseWorkflowID(reference)
	giveUp(t, source, "ntc_1")
	filter := signalbox.NoticeSourceFilter{GivenUp: true, SourcePrefix: source}
	list := func(ctx context.Context) (signalbox.NoticeSourcePage, error) {
		return apps.ListNoticeSources(ctx, filter)
	}
	page := testenv.Eventually(t, list, func(p signalbox.NoticeSourcePage) bool { return len(p.Sources) == 1 })
	require.Equal(t, source, page.Sources[0].Source)
	require.Equal(t, reference, page.Sources[0].Reference)
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, page.Sources[0].Attention)
	notices := func(ctx context.Context) (workflows.NotifyState, error) { return apps.Notices(ctx, source) }
	require.Equal(t, workflows.NoticeGivenUp, stories.MustRetry(t, notices).Notices[0].Status)

	item := testenv.Eventually(t, func(ctx context.Context) ([]signalbox.ToDoItem, error) {
		list, err := apps.ToDo(ctx, signalbox.ToDoOptions{Kinds: []signalbox.ToDoKind{signalbox.ToDoNoticesGivenUp}})
		// Other tests have other sources.
		return slices.DeleteFunc(list.Items, func(i signalbox.ToDoItem) bool { return i.WorkflowID != workflows.NotifyWorkflowID(source) }), err
	}, func(items []signalbox.ToDoItem) bool { return len(items) == 1 && items[0].Note == "" })[0] // a slow worker leaves only a note
	require.Contains(t, item.Says, "1 not delivered")
	require.Contains(t, item.Says, "ntc_1")
	require.Equal(t, []signalbox.Action{signalbox.ActionResend, signalbox.ActionDismiss}, item.Actions)

	resend := func(ctx context.Context) (workflows.NoticesSelected, error) {
		return apps.ResendNotices(ctx, source, workflows.SelectNotices{IDs: []string{"ntc_1"}})
	}
	_, err := stories.Retry(t.Context(), resend)
	require.ErrorIs(t, err, signalbox.ErrConflict, "its data was too large to be kept")
	dismiss := func(which workflows.SelectNotices) func(context.Context) (workflows.NoticesSelected, error) {
		return func(ctx context.Context) (workflows.NoticesSelected, error) {
			return apps.DismissNotices(ctx, source, which)
		}
	}
	_, err = stories.Retry(t.Context(), dismiss(workflows.SelectNotices{IDs: []string{"unknown"}}))
	require.ErrorIs(t, err, signalbox.ErrNotFound)
	dismissed, err := stories.Retry(t.Context(), dismiss(workflows.SelectNotices{By: "ada"}))
	if !errors.Is(err, signalbox.ErrConflict) { // an earlier call has dismissed it, and its response was lost
		require.NoError(t, err)
		require.Equal(t, 1, dismissed.Notices)
	}
	testenv.Eventually(t, list, func(p signalbox.NoticeSourcePage) bool { return len(p.Sources) == 0 })
}

// It has every open case read, those of other tests too, and so runs alone.
func TestCatchUpResendsNoticesGivenUpSince(t *testing.T) { //nolint:paralleltest // see above
	agent := unique("outage")
	source := workflows.ArtmailActivationWorkflowID(agent, "act")
	since := time.Now().Add(-time.Hour).UTC()
	notice := func(id string, givenUp time.Time, change func(*workflows.NoticeRecord)) workflows.NoticeRecord {
		n := workflows.NoticeRecord{ID: id, Status: workflows.NoticeGivenUp, SettledAt: givenUp}
		if change != nil {
			change(&n)
		}
		return n
	}
	startStub(t, workflows.NotifyWorkflow, workflows.NotifyWorkflowID(source), stubState{
		Attention: []string{workflows.AttentionNoticeGivenUp},
		Query: workflows.NotifyState{Source: source, Notices: []workflows.NoticeRecord{
			notice("before", since.Add(-time.Minute), nil),
			notice("a", since.Add(time.Minute), nil),
			notice("no-data", since.Add(time.Minute), func(n *workflows.NoticeRecord) { n.NoData = true }),
			notice("waiting", time.Time{}, func(n *workflows.NoticeRecord) { n.Status = workflows.NoticeWaiting }),
			notice("b", since.Add(2*time.Minute), nil),
		}},
	})
	testenv.Eventually(t, func(ctx context.Context) (signalbox.NoticeSourcePage, error) {
		return apps.ListNoticeSources(ctx, signalbox.NoticeSourceFilter{GivenUp: true, SourcePrefix: source})
	}, func(p signalbox.NoticeSourcePage) bool { return len(p.Sources) == 1 && p.Sources[0].Agent == agent })

	options := signalbox.CatchUpOptions{Since: since, By: "grace", DryRun: true, CallsPerSecond: 1000}
	catchUp := func(ctx context.Context) (signalbox.CatchUpReport, error) { return apps.CatchUp(ctx, options) }
	notices := func(ctx context.Context) (workflows.NotifyState, error) { return apps.Notices(ctx, source) }
	report := stories.MustRetry(t, catchUp)
	require.GreaterOrEqual(t, report.Notices.Done, 2)
	require.GreaterOrEqual(t, report.Notices.Skipped, 1)
	require.NotContains(t, stories.MustRetry(t, notices).WaitingFor, "grace")

	options.DryRun = false
	stories.MustRetry(t, catchUp)
	require.Contains(t, stories.MustRetry(t, notices).WaitingFor, "grace resends [a b]; ")
}
