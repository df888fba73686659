package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// sending is the event with an attachment for each ID, which came in that order.
func sending(e workflows.CaseEvent, ids ...string) workflows.CaseEvent {
	for i, id := range ids {
		e.Facts.Attachments = append(e.Facts.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", ReceivedAt: after(time.Duration(i) * time.Second)})
	}
	return e
}

func omitting(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts.Result, e.Facts.ResultOmitted = nil, true
	return e
}

func storedIDs(files []workflows.StoredFile) []string {
	var ids []string
	for _, f := range files {
		ids = append(ids, f.AttachmentID)
	}
	return ids
}

// What becomes of a case's files.
var fileStories = map[string]func() scenario{
	"ends at once and is told when its files are stored": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{awayUntil: map[string]time.Duration{"a": 40 * minute, "b": 60 * minute}},
			steps: []step{
				signals(5*minute, sending(completed(5*minute), "a", "b", "c")),
				{20 * minute, func(w *world) {
					state := w.state()
					require.Equal(w.t, workflows.CaseCompleted, state.Status)
					require.Equal(w.t, 3, state.FilesPending)
					require.Contains(w.t, state.WaitingFor, "files are being stored")
					require.Equal(w.t, "goal_achieved", state.Outcome.ResultStatus)
					require.Empty(w.t, state.Outcome.Files)
					require.Empty(w.t, w.replies)
				}},
				signals(30*minute, inputNeeded("q1", 4*minute)),
				updates(31*minute, workflows.UpdateCancel, workflows.CancelCase{}),
				{57 * minute, func(w *world) {
					require.Equal(w.t, []string{"a", "c"}, storedIDs(w.state().Outcome.Files), "c doesn't wait for b")
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"a", "b", "c"}, storedIDs(w.outcome.Files))
				require.Equal(t, "default/vendor_2048/"+caseID+"/a.pdf", w.outcome.Files[0].Key)
				require.Equal(t, after(5*minute), w.outcome.EndedAt)
				require.False(t, w.ended.Before(after(60*minute)))
				require.Equal(t, 3, w.scenario.provider.files, "each is stored once")
				require.Len(t, w.replies, 1)
				require.Equal(t, w.outcome, *w.replies[0].Outcome)
				require.Equal(t, []string{"cancel: SignalboxCaseEnded"}, w.refused)
			},
		}
	},
	"has more files than are stored at once": func() scenario {
		away := map[string]time.Duration{}
		for _, id := range []string{"b", "c", "d", "e", "f", "g"} {
			away[id] = 40 * minute
		}
		return scenario{
			start: start(), provider: &provider{awayUntil: away},
			steps: []step{
				signals(5*minute, sending(completed(5*minute), "a", "b", "c", "d", "e", "f", "g")),
				{20 * minute, func(w *world) {
					w.scenario.provider.mu.Lock()
					defer w.scenario.provider.mu.Unlock()
					require.Len(w.t, w.scenario.provider.tried, 5, "one that is stored, and four")
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g"}, storedIDs(w.outcome.Files))
				require.Empty(t, w.outcome.Unstored)
			},
		}
	},
	"has files but no bucket for them": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{noBucket: true},
			steps: []step{signals(5*minute, omitting(sending(completed(5*minute), "a", "b", "c")))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, map[string]int{"": 1}, w.scenario.provider.tried, "the first finds out for all")
				require.Empty(t, w.outcome.Files)
				require.Empty(t, w.outcome.Unstored)
				require.Empty(t, w.outcome.Attention)
				require.Len(t, w.outcome.Facts.Attachments, 3)
				require.True(t, w.outcome.Facts.ResultOmitted)
				require.Equal(t, "GET /cases/"+caseID, w.outcome.ResultAt)
				require.Equal(t, after(5*minute), w.ended)
				require.Equal(t, w.outcome, *w.replies[0].Outcome)
			},
		}
	},
	"has a file that can't be stored": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{lost: map[string]error{
				"a": temporal.NewNonRetryableApplicationError("file is too large", workflows.ErrTypeArchiveTooLarge, nil),
				"b": failed(workflows.ErrTypeOffloadNotFound, minute),
			}},
			steps: []step{signals(5*minute, sending(completed(5*minute), "a", "b", "c"))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"c"}, storedIDs(w.outcome.Files))
				require.Equal(t, []workflows.UnstoredFile{
					{AttachmentID: "a", ErrorType: "ArchiveTooLarge", Reason: "file is too large"},
					{AttachmentID: "b", ErrorType: "OffloadNotFound", Reason: "the provider says OffloadNotFound"},
				}, w.outcome.Unstored)
				require.Equal(t, []string{"file_not_stored"}, w.outcome.Attention)
				require.Equal(t, after(5*minute), w.ended)
				require.Equal(t, w.outcome, *w.replies[0].Outcome)
			},
		}
	},
	"has a result too large to be told": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, omitting(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "default/vendor_2048/"+caseID+"/result.json", w.outcome.ResultFile.Key)
				require.Empty(t, w.outcome.ResultAt)
				require.Empty(t, w.outcome.Files)
			},
		}
	},
	"is cancelled with files": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{
				signals(5*minute, sending(inputNeeded("q1", 5*minute), "a")),
				updates(7*minute, workflows.UpdateCancel, workflows.CancelCase{}),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCancelled, w.outcome.Status)
				require.Empty(t, w.scenario.provider.tried)
				require.Equal(t, after(7*minute), w.ended)
			},
		}
	},
}

func TestWhatIsStoredIsNotStoredAgainByTheNextRun(t *testing.T) {
	t.Parallel()
	w := play(t, 0, scenario{
		start: start(replying), provider: &provider{awayUntil: map[string]time.Duration{"b": 40 * minute}},
		steps: []step{
			signals(5*minute, sending(completed(5*minute), "a", "b")),
			{10 * minute, func(w *world) { w.env.SignalWorkflow(workflows.SignalForceContinueAsNew, nil) }},
			{12 * minute, func(w *world) {
				require.Equal(w.t, 2, w.runs)
				require.Equal(w.t, []string{"a"}, storedIDs(w.state().Outcome.Files))
				require.Equal(w.t, "COMPLETED", w.keyword(workflows.SearchAttributeState))
			}},
		},
	})
	require.NoError(t, w.err)
	require.Equal(t, []string{"a", "b"}, storedIDs(w.outcome.Files))
	require.Equal(t, 1, w.scenario.provider.tried["a"])
	require.Equal(t, []string{"vendor_2048/outcome"}, replyIDs(w))
}
