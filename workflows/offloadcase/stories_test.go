package offloadcase_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

const caseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

const minute = time.Minute

func start(change ...func(*workflows.CaseStart)) workflows.CaseStart {
	s := workflows.CaseStart{
		Reference: "vendor_2048",
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
		// The test environment gives up on an activity after ten attempts.
		Options: workflows.CaseOptions{PollFloor: workflows.Duration(10 * minute)},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func replying(s *workflows.CaseStart) {
	s.ReplyTo = &workflows.ReplyTo{WorkflowID: "app", Signal: "case-news"}
}

func event(kind, status string, at time.Duration) workflows.CaseEvent {
	return workflows.CaseEvent{
		EventMeta: workflows.EventMeta{
			DeliveryID: fmt.Sprintf("d-%s-%s", kind, at), DedupeKey: fmt.Sprintf("evt_%s_%s", kind, at),
			Kind: kind, OccurredAt: after(at), ReceivedAt: after(at),
		},
		Facts: workflows.CaseFacts{CaseID: caseID, Status: status, Channel: "EMAIL", AttemptCount: 1},
	}
}

func inputNeeded(question string, at time.Duration) workflows.CaseEvent {
	e := event(workflows.KindCaseInputNeeded, workflows.OffloadInputNeeded, at)
	e.Facts.Question = &workflows.Question{ID: question, Text: "Is a signed PDF acceptable?", Status: workflows.QuestionPending, RequestedAt: after(at)}
	return e
}

func completed(at time.Duration) workflows.CaseEvent {
	e := event(workflows.KindCaseCompleted, workflows.OffloadCompleted, at)
	e.Facts.ResultStatus = "goal_achieved"
	e.Facts.Result = json.RawMessage(`{"signedW9Received":true}`)
	e.Facts.Metadata = json.RawMessage(`{"vendorId":"vendor_2048"}`)
	return e
}

func caseFailed(at time.Duration) workflows.CaseEvent {
	e := event(workflows.KindCaseFailed, workflows.OffloadFailed, at)
	e.Facts.ResultStatus = "max_retries"
	return e
}

// shows is the truth from a time on, as an event tells it.
func shows(e workflows.CaseEvent, from time.Duration) truth {
	facts := e.Facts
	facts.Metadata, facts.FailureReason = nil, nil
	facts.UpdatedAt = after(from)
	return truth{from: from, facts: facts}
}

func runningFrom(from time.Duration) truth {
	return shows(event("", workflows.OffloadRunning, from), from)
}

func signals(at time.Duration, events ...workflows.CaseEvent) step {
	return step{at, func(w *world) { w.signal(events...) }}
}

func updates(at time.Duration, name string, arg any) step {
	return step{at, func(w *world) { w.update(name, arg) }}
}

func stands(at time.Duration, status workflows.CaseStatus, attention ...string) step {
	return step{at, func(w *world) {
		w.requireState(status)
		require.Equal(w.t, attention, w.state().Attention)
	}}
}

var answerQ1 = workflows.ProvideInput{QuestionID: "q1", Text: "Yes", By: "ada"}

// stories are played once without continuing as new, and then with it at every turn.
var stories = map[string]func() scenario{
	"completes by webhook": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{stands(minute, workflows.CaseRunning), signals(5*minute, completed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByWebhook, w.outcome.Source)
				require.JSONEq(t, `{"signedW9Received":true}`, string(w.outcome.Facts.Result))
				require.Equal(t, "vendor_2048", w.scenario.provider.created[0].Request.ClientReferenceID)
				require.Len(t, w.scenario.provider.created, 1)
				require.Zero(t, w.scenario.provider.polls)
				require.Len(t, w.replies, 1)
				require.Equal(t, w.outcome, *w.replies[0].Outcome)
				require.Equal(t, "vendor_2048/outcome", w.replies[0].ID)
				require.Equal(t, caseID, w.keyword(workflows.SearchAttributeCaseID))
			},
		}
	},
	"fails by webhook, which comes twice and after a late question": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, caseFailed(5*minute), caseFailed(5*minute), inputNeeded("q1", 4*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, "max_retries", w.outcome.ResultStatus)
				require.Empty(t, w.outcome.Unknown)
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
				require.Equal(t, []string{"vendor_2048/question/q1", "vendor_2048/question/q2", "vendor_2048/outcome"}, replyIDs(w))
				require.Equal(t, "ada", w.outcome.Answers[0].By)
				require.Equal(t, after(9*minute), w.outcome.Answers[0].GivenAt)
				require.Equal(t, workflows.InputAccepted, w.outcome.Answers[1].Result)
			},
		}
	},
	"completes by polling when its webhook is lost": func() scenario {
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 40*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Equal(t, []string{"metadata"}, w.outcome.Unknown)
				require.Equal(t, after(45*minute), w.ended, "15 minutes of silence, then every 10")
				require.Equal(t, 4, w.scenario.provider.polls)
			},
		}
	},
	"is created at most once": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}}},
			steps: []step{
				stands(24*time.Hour, workflows.CaseCreateUncertain, "create_uncertain"),
				signals(48*time.Hour, completed(48*time.Hour)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 1)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, caseID, w.outcome.CaseID)
			},
		}
	},
	"is created again on request": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}, {caseID: caseID}}},
			steps: []step{
				updates(minute, workflows.UpdateRetryCreate, workflows.RetryCreate{By: "ada"}),
				stands(2*minute, workflows.CaseRunning),
				updates(3*minute, workflows.UpdateRetryCreate, workflows.RetryCreate{}),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 2)
				require.Equal(t, []string{"retry-create: SignalboxNotUncertain"}, w.refused)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is adopted after an uncertain creation, and a second case shows up": func() scenario {
		other := completed(5 * minute)
		other.Facts.CaseID = "another"
		return scenario{
			start: start(), provider: &provider{
				creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadUncertain, minute)}},
				truth:   []truth{runningFrom(0), shows(completed(0), 20*minute)},
			},
			steps: []step{
				updates(minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: caseID}),
				updates(2*minute, workflows.UpdateAdoptCase, workflows.AdoptCase{CaseID: "x"}),
				signals(6*minute, other),
				stands(7*minute, workflows.CaseRunning, "second_case"),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, caseID, w.outcome.CaseID)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
				require.Equal(t, []string{"second_case"}, w.outcome.Attention)
				require.Equal(t, []string{"adopt-case: SignalboxOtherCase"}, w.refused)
			},
		}
	},
	"existed already": func() scenario {
		return scenario{
			start: workflows.CaseStart{CaseID: caseID}, provider: &provider{truth: []truth{shows(caseFailed(0), -60*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, caseID, w.outcome.Reference)
				require.Empty(t, w.scenario.provider.created)
				require.Equal(t, t0, w.ended)
			},
		}
	},
	"hits the usage limit and waits for the next month": func() scenario {
		limit := failed(workflows.ErrTypeOffloadUsageLimit, 6*time.Hour)
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: limit}, {err: limit}, {err: limit}, {caseID: caseID}}},
			steps: []step{
				stands(5*time.Hour, workflows.CaseCreating, "usage_limit"),
				stands(13*time.Hour, workflows.CaseRunning),
				signals(14*time.Hour, completed(14*time.Hour)),
			},
			check: func(t *testing.T, w *world) {
				require.Len(t, w.scenario.provider.created, 4)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"is rejected and ends": func() scenario {
		return scenario{
			start: start(), provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadInvalidRequest, 0)}}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Contains(t, w.outcome.Reason, "the provider says")
				require.Len(t, w.scenario.provider.created, 1)
			},
		}
	},
	"is rejected and corrected": func() scenario {
		corrected := start().Request
		corrected.Goal.Objective = "Obtain a W-9"
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.AwaitCorrection = true }),
			provider: &provider{creates: []createAnswer{{err: failed(workflows.ErrTypeOffloadInvalidRequest, 0)}, {caseID: caseID}}},
			steps: []step{
				stands(minute, workflows.CaseCreating, "create_rejected"),
				updates(2*minute, workflows.UpdateRetryCreate, workflows.RetryCreate{Request: corrected}),
				signals(5*minute, completed(5*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, "Obtain a W-9", w.scenario.provider.created[1].Request.Goal.Objective)
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
			},
		}
	},
	"loses its API key for a while": func() scenario {
		return scenario{
			start: start(), provider: &provider{keyInvalidUntil: 60 * minute, truth: []truth{shows(completed(0), 80*minute)}},
			steps: []step{
				stands(16*minute, workflows.CaseRunning, "unauthorized"),
				stands(50*minute, workflows.CaseRunning, "unauthorized"),
				stands(79*minute, workflows.CaseRunning),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Empty(t, w.outcome.Attention)
			},
		}
	},
	"is told without a time and confirmed": func() scenario {
		e := completed(5 * minute)
		e.OccurredAt = time.Time{}
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(completed(0), 4*minute)}},
			steps: []step{signals(5*minute, e)},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, workflows.NewsByWebhook, w.outcome.Source)
				require.Equal(t, 1, w.scenario.provider.looks)
				require.Empty(t, w.outcome.Unknown)
			},
		}
	},
	"is told a lie by the shared route": func() scenario {
		lie := completed(5 * minute)
		lie.Unproven = true
		return scenario{
			start: start(), provider: &provider{truth: []truth{shows(caseFailed(0), 30*minute)}},
			steps: []step{signals(5*minute, lie), stands(10*minute, workflows.CaseRunning)},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseFailed, w.outcome.Status)
				require.Equal(t, workflows.NewsByPoll, w.outcome.Source)
			},
		}
	},
	"is contradicted": func() scenario {
		return scenario{
			start: start(), provider: &provider{},
			steps: []step{signals(5*minute, completed(5*minute), caseFailed(6*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"conflict"}, w.outcome.Attention)
			},
		}
	},
	"is cancelled by its app": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{
				updates(20*minute, workflows.UpdateCancel, workflows.CancelCase{Reason: "not needed", By: "ada"}),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCancelled, w.outcome.Status)
				require.Equal(t, []string{"still_running"}, w.outcome.Attention)
				require.Equal(t, []string{"vendor_2048/outcome"}, replyIDs(w))
			},
		}
	},
	"is cancelled in Temporal while it polls": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{},
			steps: []step{{22 * minute, func(w *world) { w.env.CancelWorkflow() }}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCancelled, w.outcome.Status)
				require.Contains(t, w.outcome.Reason, "in Temporal")
				require.Equal(t, after(22*minute), w.ended)
				require.Equal(t, []string{"vendor_2048/outcome"}, replyIDs(w))
			},
		}
	},
	"reaches its deadline": func() scenario {
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.Deadline = after(65 * minute) }),
			provider: &provider{},
			steps:    []step{signals(5*minute, inputNeeded("q1", 5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseExpired, w.outcome.Status)
				require.Equal(t, 1, w.scenario.provider.looks)
				require.Equal(t, after(65*minute), w.ended)
				require.Equal(t, []string{"still_running"}, w.outcome.Attention)
			},
		}
	},
	"ends just before its deadline without a webhook": func() scenario {
		return scenario{
			start:    start(func(s *workflows.CaseStart) { s.Options.Deadline = after(14 * minute) }),
			provider: &provider{truth: []truth{shows(completed(0), 13*minute)}},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, 1, w.scenario.provider.looks)
			},
		}
	},
	"nobody answers for long": func() scenario {
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
				signals(58*minute, completed(58*minute)),
			},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{
					"vendor_2048/question/q1", "vendor_2048/question/q1/reminder/1", "vendor_2048/question/q1/reminder/2", "vendor_2048/outcome",
				}, replyIDs(w))
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
				require.Equal(t, 1, w.scenario.provider.looks)
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
				signals(20*minute, completed(20*minute)),
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
				require.Equal(t, w.outcome, *w.replies[1].Outcome, "it is told when nothing can change it any more")
				require.Equal(t, after(9*minute), w.ended)
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
	"has nobody left to tell": func() scenario {
		return scenario{
			start: start(replying), provider: &provider{}, receiverGone: true,
			steps: []step{signals(5*minute, completed(5*minute))},
			check: func(t *testing.T, w *world) {
				require.Equal(t, workflows.CaseCompleted, w.outcome.Status)
				require.Equal(t, []string{"reply_failed"}, w.outcome.Attention)
				require.Equal(t, after(5*minute+20*time.Second), w.ended)
			},
		}
	},
}

func replyIDs(w *world) []string {
	var ids []string
	for _, r := range w.replies {
		ids = append(ids, r.ID)
	}
	return ids
}
