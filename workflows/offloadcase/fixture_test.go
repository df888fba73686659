package offloadcase_test

import (
	"encoding/json"
	"fmt"
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
		// The test environment makes at most ten attempts of an activity.
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

// shows returns the state of the case from a time on, as in an event.
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

// kinds returns the kinds of the notices that were handed off.
func kinds(w *world) []string {
	var kinds []string
	for _, n := range w.notices {
		kinds = append(kinds, string(n.Kind))
	}
	return kinds
}

// noticedOutcome returns the outcome in the last notice.
func noticedOutcome(w *world) workflows.CaseOutcome { return *w.notices[len(w.notices)-1].Data.Outcome }
