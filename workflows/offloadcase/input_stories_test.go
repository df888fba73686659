package offloadcase_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Stories about questions and answers.
var inputStories = map[string]func() scenario{
	"Offload accepts an answer, and loses it": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{truth: []truth{shows(inputNeeded("q1", 5*minute), 5*minute), shows(completed(0), 100*minute)}},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				updates(10*minute, workflows.UpdateProvideInput, answerQ1),
				stands(69*minute, workflows.CaseInputSent),
				stands(71*minute, workflows.CaseInputNeeded, "input_needed"),
				updates(72*minute, workflows.UpdateProvideInput, answerQ1),
				stands(73*minute, workflows.CaseInputSent),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.answered, 2, "one for each that a person gave")
				require.Equal(t, workflows.InputUnsettled, w.outcome.Answers[0].Result)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"case.input_needed", "case.attention", "case.input_needed", "case.completed"}, kinds(w))
			},
		}
	},
	"asks and is answered": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{truth: []truth{runningFrom(12 * minute)}},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				stands(6*minute, workflows.CaseInputNeeded, "input_needed"),
				updates(7*minute, workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q1", Text: "  "}),
				updates(8*minute, workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q9", Text: "Yes"}),
				updates(9*minute, workflows.UpdateProvideInput, answerQ1),
				stands(10*minute, workflows.CaseInputSent),
				updates(11*minute, workflows.UpdateProvideInput, answerQ1),
				stands(25*minute, workflows.CaseRunning),
				updates(26*minute, workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q9", Text: "Yes"}),
				signals(40*minute, inputNeeded("q2", 40*minute)),
				updates(41*minute, workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q2", Text: "No"}),
				signals(50*minute, completed(50*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{
					"provide-input: SignalboxInvalidArgument", "provide-input: SignalboxOtherQuestion",
					"provide-input: SignalboxAlreadyAnswered", "provide-input: SignalboxNoOpenQuestion",
				}, w.refused)
				require.Len(t, w.scenario.provider.answered, 2)
				require.Equal(t, workflows.ProvideInputParams{Account: "default", CaseID: caseID, QuestionID: "q1", Text: "Yes"}, w.scenario.provider.answered[0])
				require.Equal(t, []string{"case.input_needed", "case.input_needed", "case.completed"}, kinds(w))
				require.Equal(t, "q1", w.notices[0].Data.Question.ID)
				require.Equal(t, "q2", w.notices[1].Data.Question.ID)
				require.Equal(t, "ada", w.outcome.Answers[0].By)
				require.Equal(t, after(9*minute), w.outcome.Answers[0].GivenAt)
				require.Equal(t, workflows.InputAccepted, w.outcome.Answers[1].Result)
			},
		}
	},
	"is answered in the task in which it asks": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{
				{5 * minute, func(w *world) {
					w.signalBefore(inputNeeded("q1", 5*minute))
					w.update(workflows.UpdateProvideInput, answerQ1)
				}},
				{6 * minute, func(w *world) {
					w.signalBefore(inputNeeded("q2", 6*minute))
					w.update(workflows.UpdateProvideInput, workflows.ProvideInput{QuestionID: "q9", Text: "Yes"})
				}},
				signals(9*minute, completed(9*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, []string{"provide-input: SignalboxOtherQuestion"}, w.refused, "after the news it is still refused")
				require.Len(t, w.scenario.provider.answered, 1)
				require.Equal(t, workflows.InputAccepted, w.outcome.Answers[0].Result)
			},
		}
	},
	"a question stays open for long": func() scenario {
		return scenario{
			start: start(replying, func(s *workflows.CaseStart) {
				s.Options.RemindAfter = workflows.Duration(20 * minute)
				s.Options.QuestionExpiresAfter = workflows.Duration(50 * minute)
			}),
			provider: &provider{truth: []truth{shows(inputNeeded("q1", minute), minute)}},
			steps: []step{
				signals(minute, inputNeeded("q1", minute)),
				stands(52*minute, workflows.CaseInputNeeded, "input_needed", "question_expired"),
				updates(55*minute, workflows.UpdateProvideInput, answerQ1),
				signals(57*minute, completed(57*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"case.input_needed", "case.input_needed", "case.input_needed", "case.attention", "case.completed"}, kinds(w))
				require.NotEqual(t, w.notices[1].ID, w.notices[2].ID, "each reminder has its own ID")
				require.Equal(t, []string{"question_expired"}, w.notices[3].Data.Attention)
			},
		}
	},
	"its answer meets a case that no longer waits": func() scenario {
		return scenario{
			start: start(), provider: &provider{
				answers: []answerAnswer{{result: workflows.InputNotWaiting}},
				truth:   []truth{shows(completed(0), 6*minute)},
			},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				updates(7*minute, workflows.UpdateProvideInput, answerQ1),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.InputNotWaiting, w.outcome.Answers[0].Result)
				require.Equal(t, 1, w.scenario.provider.reads)
			},
		}
	},
	"its answer is tried until it arrives": func() scenario {
		down := failed(workflows.ErrTypeOffloadUnavailable, 2*minute)
		return scenario{
			start: start(), provider: &provider{answers: []answerAnswer{{err: down}, {err: down}, {result: workflows.InputAlreadyResolved}}},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				updates(7*minute, workflows.UpdateProvideInput, answerQ1),
				stands(8*minute, workflows.CaseInputSent),
				signals(21*minute+30*time.Second, completed(21*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.answered, 3)
				require.Equal(t, workflows.InputAlreadyResolved, w.outcome.Answers[0].Result)
			},
		}
	},
	"ends while its answer is on the way": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{answers: []answerAnswer{{err: failed(workflows.ErrTypeOffloadUnavailable, 60*minute)}}},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				updates(7*minute, workflows.UpdateProvideInput, answerQ1),
				signals(9*minute, completed(9*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.InputUnsettled, w.outcome.Answers[0].Result)
				require.Equal(t, w.outcome, noticedOutcome(w), "the notice has the last outcome")
				require.Equal(t, after(9*minute), w.ended)
			},
		}
	},
	"ends in the moment in which it is answered": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{
				signals(5*minute, inputNeeded("q1", 5*minute)),
				{7 * minute, func(w *world) {
					w.signalBefore(completed(7 * minute))
					w.update(workflows.UpdateProvideInput, answerQ1)
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.scenario.provider.answered)
				require.Equal(t, workflows.InputOvertaken, w.outcome.Answers[0].Result)
				require.Equal(t, w.outcome, noticedOutcome(w))
			},
		}
	},
	"is asked by an event without a time": func() scenario {
		untimed := inputNeeded("q1", 5*minute)
		untimed.OccurredAt = time.Time{}
		silent := event("", workflows.OffloadInputNeeded, 5*minute)
		return scenario{
			start: start(replying), provider: &provider{truth: []truth{shows(silent, 5*minute)}},
			steps: []step{
				signals(5*minute, untimed),
				stands(6*minute, workflows.CaseInputNeeded, "input_needed"),
				updates(7*minute, workflows.UpdateProvideInput, answerQ1),
				signals(9*minute, completed(9*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Empty(t, w.refused)
				require.Len(t, w.scenario.provider.answered, 1)
				require.Equal(t, "Is a signed PDF acceptable?", w.notices[0].Data.Question.Text)
			},
		}
	},
	"hears several signals at one moment": func() scenario {
		other := inputNeeded("q7", 5*minute)
		other.Facts.CaseID = "another"
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{
				{4 * minute, func(w *world) {
					w.signalBefore(inputNeeded("q1", 3*minute))
					w.signal(inputNeeded("q2", 4*minute))
				}},
				{5 * minute, func(w *world) {
					require.Equal(w.t, "q2", w.state().Question.ID)
					w.signalBefore(completed(5 * minute))
					w.signal(other)
				}},
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"second_case"}, w.outcome.Attention, "not even the last signal before the end is lost")
			},
		}
	},
}
