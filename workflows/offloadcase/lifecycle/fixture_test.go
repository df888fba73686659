package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

const caseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func request() *workflows.CaseRequest {
	return &workflows.CaseRequest{
		Channel:       "EMAIL",
		Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
		SenderPersona: workflows.SenderPersona{Name: "Grace"},
	}
}

func start(change ...func(*workflows.CaseStart)) workflows.CaseStart {
	s := workflows.CaseStart{Reference: "vendor_2048", Request: request()}
	for _, c := range change {
		c(&s)
	}
	return s.Normalized()
}

func options(change func(*workflows.CaseOptions)) func(*workflows.CaseStart) {
	return func(s *workflows.CaseStart) { change(&s.Options) }
}

func replying(s *workflows.CaseStart) {
	s.ReplyTo = &workflows.ReplyTo{WorkflowID: "app", Signal: "case-news"}
}

func began(change ...func(*workflows.CaseStart)) lifecycle.Case {
	return lifecycle.Begin(start(change...), t0, t0)
}

func running(change ...func(*workflows.CaseStart)) lifecycle.Case {
	return lifecycle.Created(began(change...), workflows.CreateCaseResult{CaseID: caseID}, t0)
}

// asked returns a running case with the question "q1", asked at minute 10.
func asked(change ...func(*workflows.CaseStart)) lifecycle.Case {
	return received(running(change...), inputNeeded("q1", 10), after(10))
}

func event(kind, status string, minute int) workflows.CaseEvent {
	return workflows.CaseEvent{
		EventMeta: workflows.EventMeta{
			DeliveryID: fmt.Sprintf("d-%s-%d", kind, minute), DedupeKey: fmt.Sprintf("evt_%s_%d", kind, minute),
			Kind: kind, OccurredAt: after(minute), ReceivedAt: after(minute),
		},
		Facts: workflows.CaseFacts{CaseID: caseID, Status: status, Channel: "EMAIL", AttemptCount: 1},
	}
}

func inputNeeded(question string, minute int) workflows.CaseEvent {
	e := event(workflows.KindCaseInputNeeded, workflows.OffloadInputNeeded, minute)
	e.Facts.Question = &workflows.Question{ID: question, Text: "Is a signed PDF acceptable?", Status: workflows.QuestionPending, RequestedAt: after(minute)}
	return e
}

func completed(minute int) workflows.CaseEvent {
	e := event(workflows.KindCaseCompleted, workflows.OffloadCompleted, minute)
	e.Facts.ResultStatus = "goal_achieved"
	e.Facts.Result = json.RawMessage(`{"signedW9Received":true}`)
	e.Facts.Metadata = json.RawMessage(`{"vendorId":"vendor_2048"}`)
	return e
}

func failed(minute int) workflows.CaseEvent {
	e := event(workflows.KindCaseFailed, workflows.OffloadFailed, minute)
	e.Facts.ResultStatus = "max_retries"
	reason := "nobody answered"
	e.Facts.FailureReason = &reason
	return e
}

// read returns the snapshot that GET shows after an event.
func read(e workflows.CaseEvent) workflows.CaseSnapshot {
	facts := e.Facts
	facts.FailureReason, facts.Metadata = nil, nil
	facts.UpdatedAt, facts.MaxAttempts = e.OccurredAt, 3
	return workflows.CaseSnapshot{Facts: facts, ReadAt: e.OccurredAt.Add(time.Minute)}
}

func shows(status string, minute int) workflows.CaseSnapshot {
	return read(event("", status, minute))
}

func untimed(e workflows.CaseEvent) workflows.CaseEvent {
	e.OccurredAt = time.Time{}
	e.DedupeKey += "_untimed"
	return e
}

func unproven(e workflows.CaseEvent) workflows.CaseEvent {
	e.Unproven = true
	e.DedupeKey += "_unproven"
	return e
}

func requireStatus(t *testing.T, want workflows.CaseStatus, c lifecycle.Case) {
	t.Helper()
	require.Equal(t, want, c.State.Status)
}

func requireRefusal(t *testing.T, errorType string, err error) {
	t.Helper()
	var refusal *rules.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, errorType, refusal.Type)
	require.NotEmpty(t, refusal.Message)
}

// handOff returns the hand-off at a minute.
func handOff(c lifecycle.Case, minute int) *workflows.HandOff {
	return lifecycle.Next(c, after(minute)).HandOff
}

// handedOff returns the case after all hand-offs.
func handedOff(c lifecycle.Case) lifecycle.Case {
	for {
		h := lifecycle.Next(c, after(100_000)).HandOff
		if h == nil {
			return c
		}
		c = lifecycle.HandOffSucceeded(c, *h)
	}
}

// kinds returns the kinds of the waiting notices.
func kinds(c lifecycle.Case) []string {
	var kinds []string
	for _, n := range c.State.Outbox.Waiting {
		kinds = append(kinds, string(n.Kind))
	}
	return kinds
}

// received returns the case after an event.
func received(c lifecycle.Case, e workflows.CaseEvent, now time.Time) lifecycle.Case {
	c, _ = lifecycle.Receive(c, e, now)
	return c
}

// adopted returns the running case after adopt-case and its verification.
func adopted(c lifecycle.Case, minute int) lifecycle.Case {
	c = lifecycle.Adopt(c, workflows.AdoptCase{CaseID: caseID})
	return readOnce(c, caseID, shows(workflows.OffloadRunning, 0), after(minute))
}

// readOnce, readFailed, reconciled and reconcileFailed apply the result of a call that began after all news of the case.
func readOnce(c lifecycle.Case, id string, snapshot workflows.CaseSnapshot, now time.Time) lifecycle.Case {
	return lifecycle.ReadDone(c, getParams(c, id), snapshot, now)
}

func readFailed(c lifecycle.Case, id string, f rules.Failure, now time.Time) lifecycle.Case {
	return lifecycle.ReadFailed(c, getParams(c, id), f, now)
}

func reconciled(c lifecycle.Case, snapshot workflows.CaseSnapshot, now time.Time) lifecycle.Case {
	return lifecycle.Reconciled(c, reconcileParams(c), snapshot, now)
}

func reconcileFailed(c lifecycle.Case, f rules.Failure, now time.Time) lifecycle.Case {
	return lifecycle.ReconcileFailed(c, reconcileParams(c), f, now)
}

func getParams(c lifecycle.Case, id string) workflows.GetCaseParams {
	return workflows.GetCaseParams{CaseID: id, Number: c.State.Reads}
}

func reconcileParams(c lifecycle.Case) workflows.ReconcileCaseParams {
	return workflows.ReconcileCaseParams{CaseID: c.State.CaseID, Check: c.State.ReconcilesAsked}
}
