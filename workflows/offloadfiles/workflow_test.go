package offloadfiles_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// TestEveryStoryEndsTheSameHoweverOftenTheWorkflowContinuesAsNew finds state that is not carried over.
func TestEveryStoryEndsTheSameHoweverOftenTheWorkflowContinuesAsNew(t *testing.T) {
	t.Parallel()
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storytest.Repeat(t, func(t *testing.T, every int) {
				s := tell()
				w := play(t, every, s)
				require.NoError(t, w.err)
				require.Equal(t, string(w.result.Status), w.keyword(workflows.SearchAttributeState))
				require.Equal(t, w.result.Attention, w.attention(), "the published attention equals the result's")
				require.Empty(t, w.keyword(workflows.SearchAttributeCaseID), "only the case itself publishes the caseId")
				require.Empty(t, w.result.WaitingFor)
				require.Zero(t, w.result.Pending)
				s.check(t, w)
				if every == 0 {
					require.Equal(t, 1, w.runs)
				}
			})
		})
	}
}

func ids(files []workflows.StoredFile) []string {
	var all []string
	for _, f := range files {
		all = append(all, f.AttachmentID)
	}
	return all
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("a%02d", i))
	}
	return all
}

// requireNoticedOnce requires one notice, with the workflow's result.
func requireNoticedOnce(t *testing.T, w *world) {
	t.Helper()
	require.Len(t, w.handOffs, 1)
	require.Equal(t, "offload-case/vendor_2048", w.handOffs[0].Source)
	require.Len(t, w.handOffs[0].Notices, 1)
	n := w.handOffs[0].Notices[0]
	require.Equal(t, &workflows.ReplyTo{WorkflowID: "app", Signal: "notices"}, n.ReplyTo)
	require.Equal(t, rules.NoticeID("offload-case/vendor_2048", workflows.NoticeCaseFilesStored, rules.CaseSubject(t0, "files")), n.ID)
	require.EqualValues(t, 8, n.Seq, "after the case's own")
	require.Equal(t, workflows.NoticeCaseFilesStored, n.Kind)
	require.Equal(t, w.result, *n.Data.Files)
}

var stories = map[string]func() scenario{
	"all are stored": func() scenario {
		start := startOf("a", "b", "c", "d", "e", "f")
		start.Result = true
		return scenario{start: start, check: func(t *testing.T, w *world) {
			require.Equal(t, workflows.FilesStored, w.result.Status)
			require.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, ids(w.result.Stored))
			require.Equal(t, "attachments/a.pdf", w.result.Stored[0].Key)
			require.Equal(t, "result.json", w.result.Result.Key)
			require.Empty(t, w.result.Attention)
			requireNoticedOnce(t, w)
			require.Equal(t, t0, w.ended)
		}}
	},
	"a callback gets the notice": func() scenario {
		start := startOf("a")
		start.ReplyTo, start.Notify = nil, []string{"finance"}
		return scenario{start: start, check: func(t *testing.T, w *world) {
			require.Equal(t, []string{"a"}, ids(w.result.Stored))
			require.Equal(t, []string{"finance"}, w.handOffs[0].Notices[0].Notify)
			require.Equal(t, "default", w.handOffs[0].Account)
		}}
	},
	"the bucket is away for a night": func() scenario {
		return scenario{
			start:   startOf(numbered(7)...),
			archive: archive{away: map[string]outage{"*": {until: 10 * hour, errType: workflows.ErrTypeArchiveBucket}}},
			steps: []step{
				{5 * hour, func(w *world) {
					state := w.state()
					require.Equal(w.t, workflows.FilesStoring, state.Status)
					require.Equal(w.t, 7, state.Pending)
					require.Contains(w.t, state.WaitingFor, "7 to go, until 2026-03-22T12:00:00Z at the latest")
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, numbered(7), ids(w.result.Stored))
				require.Empty(t, w.result.Attention)
				require.False(t, w.ended.Before(after(10*hour)))
				require.True(t, w.ended.Before(after(11*hour+30*minute)), w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"there is no bucket": func() scenario {
		start := startOf("a", "b", "c")
		start.Result = true
		return scenario{start: start, archive: archive{noBucket: true}, check: func(t *testing.T, w *world) {
			require.Equal(t, workflows.CaseFiles{
				Reference: "vendor_2048", CaseID: caseID, Status: workflows.FilesNoBucket, Since: w.ended, Attention: []string{workflows.AttentionFileNotStored},
			}, w.result)
			require.Equal(t, []string{""}, slices.Collect(maps.Keys(w.tried)), "one file is enough for all")
			require.Greater(t, w.tried[""], 10, "another worker may have a bucket")
			require.Empty(t, w.handOffs, "no files, no notice")
			require.WithinDuration(t, after(14*minute), w.ended, minute)
		}}
	},
	"reads lag behind the webhook": func() scenario {
		start := startOf("a", "b")
		start.Result = true
		return scenario{
			start: start,
			archive: archive{away: map[string]outage{
				"":  {until: 3 * minute, errType: workflows.ErrTypeArchiveNoResult, pause: 30 * time.Second},
				"a": {until: 4 * minute, errType: workflows.ErrTypeOffloadNotFound, pause: 30 * time.Second},
				"b": {until: 9 * hour, errType: workflows.ErrTypeOffloadNotFound, pause: 2 * minute},
			}},
			check: func(t *testing.T, w *world) {
				require.NotNil(t, w.result.Result)
				require.Equal(t, []string{"a"}, ids(w.result.Stored))
				require.Equal(t, []workflows.UnstoredFile{
					{AttachmentID: "b", Name: "b.pdf", ErrorType: workflows.ErrTypeOffloadNotFound, Reason: "away: OffloadNotFound"},
				}, w.result.Unstored)
				require.Equal(t, []string{workflows.AttentionFileNotStored}, w.result.Attention)
				require.False(t, w.ended.Before(after(10*minute)))
				require.True(t, w.ended.Before(after(13*minute)), w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"21 attachments, the bucket is away, a person cancels": func() scenario {
		return scenario{
			start: startOf(numbered(21)...),
			archive: archive{away: map[string]outage{
				"*":   {until: 200 * hour, errType: workflows.ErrTypeArchiveBucket},
				"a00": {},
			}},
			steps: []step{
				{2 * hour, func(w *world) { w.cancel("ada") }},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []workflows.FilesReceipt{{Status: workflows.FilesCancelled}}, w.receipts)
				require.Equal(t, after(2*hour), w.ended, "at once")
				require.Equal(t, workflows.FilesCancelled, w.result.Status)
				require.Equal(t, []string{"a00"}, ids(w.result.Stored), "what is stored stays")
				require.Len(t, w.result.Unstored, 20)
				require.Equal(t, "cancelled by ada: enough", w.result.Unstored[0].Reason)
				requireNoticedOnce(t, w)
			},
		}
	},
	"it is cancelled in Temporal": func() scenario {
		return scenario{
			start:   startOf("a", "b"),
			archive: archive{hangs: map[string]bool{"b": true}},
			steps:   []step{{hour, func(w *world) { w.env.CancelWorkflow() }}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "cancelled: the workflow was cancelled in Temporal", w.result.Cancelled)
				require.Equal(t, []string{"a"}, ids(w.result.Stored))
				require.Equal(t, "b", w.result.Unstored[0].AttachmentID)
				require.Equal(t, after(hour), w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"a file differs from Offload's report": func() scenario {
		return scenario{
			start:   startOf("a", "b"),
			archive: archive{differs: map[string]bool{"b": true}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.FilesStored, w.result.Status)
				require.EqualValues(t, 10, w.result.Stored[1].ReportedSize)
				require.Equal(t, []string{workflows.AttentionFileDiffers}, w.result.Attention)
				requireNoticedOnce(t, w)
			},
		}
	},
	"Offload refuses the API key for three hours": func() scenario {
		return scenario{
			start:   startOf(numbered(6)...),
			archive: archive{away: map[string]outage{"*": {until: 3 * hour, errType: workflows.ErrTypeOffloadUnauthorized, pause: 20 * minute}}},
			steps: []step{
				{30 * minute, func(w *world) {
					state := w.state()
					require.Equal(w.t, []string{workflows.AttentionUnauthorized}, state.Attention)
					require.Contains(w.t, state.WaitingFor, "Offload refuses the API key")
					require.Equal(w.t, 6, state.Pending)
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, numbered(6), ids(w.result.Stored))
				require.Empty(t, w.result.Attention)
				require.True(t, w.ended.Before(after(4*hour)), w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"the day is over before all files are stored": func() scenario {
		return scenario{
			start: startOf("a", "b", "c", "d"),
			archive: archive{
				away:  map[string]outage{"b": {until: 200 * hour, errType: workflows.ErrTypeArchiveBucket, pause: 3 * hour}, "d": {until: 200 * hour, errType: workflows.ErrTypeOffloadUsageLimit, pause: 3 * hour}},
				hangs: map[string]bool{"c": true},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.FilesStored, w.result.Status)
				require.Equal(t, []string{"a"}, ids(w.result.Stored))
				require.Len(t, w.result.Unstored, 3)
				require.Equal(t, "ArchiveBucket", w.result.Unstored[0].ErrorType)
				require.Contains(t, w.result.Unstored[0].Reason, "away: ArchiveBucket")
				require.Equal(t, "OffloadUsageLimit", w.result.Unstored[2].ErrorType)
				require.Equal(t, []string{workflows.AttentionFileNotStored}, w.result.Attention)
				require.False(t, w.ended.After(after(24*hour)), w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"four files that can't be fetched hold up no other": func() scenario {
		away := map[string]outage{}
		for _, id := range []string{"a00", "a01", "a02", "a03"} {
			away[id] = outage{until: 200 * hour, errType: workflows.ErrTypeArchiveDownload}
		}
		return scenario{
			start: startOf(numbered(10)...), archive: archive{away: away},
			steps: []step{
				{3 * hour, func(w *world) {
					require.Equal(w.t, numbered(10)[4:], ids(w.state().Stored))
					w.cancel("ada")
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.result.Unstored, 4)
				requireNoticedOnce(t, w)
			},
		}
	},
	"files fail for good": func() scenario {
		return scenario{
			start:   startOf("a", "b", "c"),
			archive: archive{lost: map[string]string{"a": workflows.ErrTypeArchiveTooLarge, "c": workflows.ErrTypeArchiveTargetRefused}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"b"}, ids(w.result.Stored))
				require.Equal(t, []workflows.UnstoredFile{
					{AttachmentID: "a", Name: "a.pdf", ErrorType: "ArchiveTooLarge", Reason: "lost: ArchiveTooLarge"},
					{AttachmentID: "c", Name: "c.pdf", ErrorType: "ArchiveTargetRefused", Reason: "lost: ArchiveTargetRefused"},
				}, w.result.Unstored)
				require.Equal(t, t0, w.ended)
				requireNoticedOnce(t, w)
			},
		}
	},
	"the hand-off fails for an hour": func() scenario {
		return scenario{
			start: startOf("a"), handOffAwayUntil: hour,
			steps: []step{{30 * minute, func(w *world) {
				require.Contains(w.t, w.state().WaitingFor, "The notice is being handed off. Its notices could not be handed off for minutes")
				require.Equal(w.t, []string{workflows.AttentionNoticeDelayed}, w.state().Attention)
				w.cancel("ada")
			}}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{workflows.ErrTypeFilesEnded}, w.refused)
				require.Equal(t, t0, w.result.Since)
				require.False(t, w.ended.Before(after(hour)))
				require.True(t, w.ended.Before(after(hour+6*minute)))
				requireNoticedOnce(t, w)
			},
		}
	},
	"the hand-off is refused": func() scenario {
		return scenario{start: startOf("a"), handOffRefused: true, check: func(t *testing.T, w *world) {
			require.Equal(t, []string{workflows.AttentionNoticeRefused}, w.result.Attention)
			require.Equal(t, t0, w.ended)
		}}
	},
}

func TestAtMostFourFilesAreStoredAtATime(t *testing.T) {
	t.Parallel()
	hangs := map[string]bool{}
	for _, id := range numbered(8)[1:] {
		hangs[id] = true
	}
	w := play(t, 0, scenario{
		start: startOf(numbered(8)...), archive: archive{hangs: hangs},
		steps: []step{{10 * minute, func(w *world) {
			require.Equal(w.t, map[string]int{"a00": 1, "a01": 1, "a02": 1, "a03": 1, "a04": 1}, w.tried)
			w.cancel("ada")
		}}},
	})
	require.NoError(t, w.err)
	require.Len(t, w.result.Unstored, 7)
}

func TestAFileStoredBeforeACancellationCounts(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]func(w *world){
		"by an update": func(w *world) { w.cancel("ada") },
		"in Temporal":  func(w *world) { w.env.CancelWorkflow() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := play(t, 0, scenario{
				start: startOf("a", "b"), archive: archive{
					away:  map[string]outage{"a": {until: hour, errType: workflows.ErrTypeArchiveBucket, pause: hour}},
					hangs: map[string]bool{"b": true},
				},
				steps: []step{
					{minute, func(w *world) { w.hold.Begin() }},
					{hour + 30*minute, func(w *world) {
						w.hold.End(w.env)
						cancel(w)
					}},
				},
			})
			require.NoError(t, w.err)
			require.Equal(t, []string{"a"}, ids(w.result.Stored))
			require.Equal(t, workflows.FilesCancelled, w.result.Status)
			require.Len(t, w.result.Unstored, 1)
		})
	}
}

func TestAnOperatorShortensTheHistory(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: startOf("a", "b"), archive: archive{away: map[string]outage{"b": {until: 2 * hour, errType: workflows.ErrTypeArchiveBucket}}},
		steps: []step{
			{hour, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
			{hour + minute, func(w *world) {
				require.Equal(w.t, 2, w.runs)
				require.Equal(w.t, []string{"a"}, ids(w.state().Stored))
			}},
		},
	})
	require.NoError(t, w.err)
	require.Equal(t, []string{"a", "b"}, ids(w.result.Stored))
	require.Equal(t, 1, w.tried["a"], "what is stored is not stored again")
}

func TestAStartWithTheWrongWorkflowIDOrFieldIsRefused(t *testing.T) {
	t.Parallel()
	for errType, start := range map[string]workflows.FilesStart{
		workflows.ErrTypeWorkflowID:      {Account: "default", Reference: "other", CaseID: caseID},
		workflows.ErrTypeInvalidArgument: {Account: "default", Reference: "vendor_2048"},
	} {
		w := play(t, 0, scenario{start: start})
		var application *temporal.ApplicationError
		require.ErrorAs(t, w.err, &application)
		require.Equal(t, errType, application.Type())
		require.True(t, application.NonRetryable())
		require.Contains(t, application.Message(), map[string]string{
			workflows.ErrTypeWorkflowID: `"offload-files/other"`, workflows.ErrTypeInvalidArgument: "caseId",
		}[errType])
		require.Empty(t, w.tried)
	}
}

func TestAStateOfANewerVersionWaitsForNewerCode(t *testing.T) {
	t.Parallel()
	w := playFrom(t, 0, scenario{}, offloadfiles.Input{FilesStart: startOf(), Carried: &lifecycle.State{Version: 1000}})
	var panicked *temporal.PanicError
	require.ErrorAs(t, w.err, &panicked)
	require.ErrorContains(t, w.err, "run a newer worker")
}

func TestTheWebUIShowsTheProgress(t *testing.T) {
	t.Parallel()
	play(t, 0, scenario{
		start: startOf("a", "b"), archive: archive{hangs: map[string]bool{"b": true}},
		steps: []step{{hour, func(w *world) {
			value, err := w.env.QueryWorkflow("__temporal_workflow_metadata")
			require.NoError(w.t, err)
			var metadata sdk.WorkflowMetadata
			require.NoError(w.t, value.Get(&metadata))
			require.Contains(w.t, metadata.GetCurrentDetails(), "**STORING** since 2026-03-21T12:00:00Z")
			require.Contains(w.t, metadata.GetCurrentDetails(), "1 to go")
			require.Len(w.t, metadata.GetDefinition().GetUpdateDefinitions(), 1)
			w.cancel("ada")
		}}},
	})
}
