package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// sending returns the event with one attachment for each ID, received in that order.
func sending(e workflows.CaseEvent, ids ...string) workflows.CaseEvent {
	for i, id := range ids {
		e.Facts.Attachments = append(e.Facts.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", ReceivedAt: after(time.Duration(i) * time.Second)})
	}
	return e
}

func omitting(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts.Result = nil
	e.Facts = e.Facts.Omitting(workflows.FieldResult)
	return e
}

func omittingFiles(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts = e.Facts.Omitting(workflows.FieldAttachments)
	return e
}

func pollFloor(d time.Duration) func(*workflows.CaseStart) {
	return func(s *workflows.CaseStart) { s.Options.PollFloor = workflows.Duration(d) }
}

// Stories about the files of cases.
var fileStories = map[string]func() scenario{
	"ends with files": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{signals(5*minute, sending(completed(5*minute), "a", "b"))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, after(5*minute), w.ended, "no file delays the end")
				require.Equal(t, "offload-files/vendor_2048", w.outcome.FilesWorkflowID)
				require.Equal(t, workflows.ResultInline, w.outcome.ResultIs)
				require.Equal(t, []workflows.FilesStart{{
					Account: "default", Reference: "vendor_2048", CaseID: caseID, EndedAt: after(5 * minute),
					Attachments: w.outcome.Facts.Attachments, Seq: w.notices[0].Seq, ReplyTo: w.scenario.start.ReplyTo,
				}}, w.files)
				require.Equal(t, 1, w.handOffs, "one for both")
				require.Equal(t, w.outcome, noticedOutcome(w))
			},
		}
	},
	"ends with files that no app waits for": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, sending(completed(5*minute), "a"))},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.files, 1)
				require.Nil(t, w.files[0].ReplyTo)
			},
		}
	},
	"ends with a result that its webhook omits": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 4*minute)}},
			steps: []step{signals(5*minute, omitting(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, 1, w.scenario.provider.reads)
				require.Equal(t, workflows.ResultInline, w.outcome.ResultIs)
				require.Equal(t, workflows.NewsByWebhook, w.outcome.Source)
				require.Empty(t, w.outcome.Facts.Omitted)
				require.Empty(t, w.files)
			},
		}
	},
	"ends with files that its webhook omits and that reads show later": func() scenario {
		return scenario{
			start:    start(replying, pollFloor(minute)),
			provider: &provider{truth: []truth{shows(inputNeeded("q1", 4*minute), 4*minute), shows(sending(completed(0), "a"), 6*minute+30*time.Second)}},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 4*minute), omittingFiles(completed(5*minute))),
				signals(5*minute+20*time.Second, inputNeeded("q0", 3*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, after(7*minute), w.ended)
				require.Len(t, w.files, 1)
				require.Empty(t, w.outcome.Facts.Omitted)
				require.Equal(t, []string{"case.completed"}, kinds(w), "no question is asked")
			},
		}
	},
	"ends with files that only the last read shows": func() scenario {
		return scenario{
			start:    start(pollFloor(5 * minute)),
			provider: &provider{truth: []truth{shows(sending(completed(0), "a"), 6*minute)}},
			steps:    []step{signals(5*minute, omittingFiles(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, after(8*minute), w.ended)
				require.Len(t, w.files, 1)
			},
		}
	},
	"ends with files that no read shows in time": func() scenario {
		return scenario{
			start:    start(),
			provider: &provider{truth: []truth{shows(sending(completed(0), "a"), 60*minute)}},
			steps:    []step{signals(5*minute, omittingFiles(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, after(8*minute), w.ended)
				require.Empty(t, w.files)
				require.Equal(t, []string{"attachments"}, w.outcome.Facts.Omitted)
			},
		}
	},
	"ends with a result too large to be told": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(omitting(completed(0)), 4*minute)}},
			steps: []step{signals(5*minute, omitting(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.ResultStored, w.outcome.ResultIs)
				require.Equal(t, []string{"result"}, w.outcome.Facts.Omitted)
				require.True(t, w.files[0].Result)
				require.Equal(t, after(5*minute), w.ended)
			},
		}
	},
	"ends with a result that can't be read": func() scenario {
		return scenario{
			start: start(), provider: &provider{unreachable: true},
			steps: []step{signals(5*minute, omitting(completed(5*minute)))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"result"}, w.outcome.Facts.Omitted)
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
				require.Len(t, w.outcome.Facts.Attachments, 1)
				require.Empty(t, w.files)
				require.Empty(t, w.outcome.FilesWorkflowID)
				require.Equal(t, after(7*minute), w.ended)
			},
		}
	},
}
