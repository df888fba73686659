package signalboxtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// T is the part of testing.TB that this package needs.
type T interface {
	Helper()
	Cleanup(cleanup func())
	Fatalf(format string, args ...any)
}

// Provider plays Offload and Artmail: it answers requests and sends webhook events. Its methods fail the test if an event can't be
// delivered. With a Fake they wait up to ten seconds for the app to start the case, and return when the event is applied.
type Provider struct {
	t          T
	deliver    Deliver
	awaitStart func(workflowID string) error
	now        func() time.Time
	keys       *keyring.Ring

	mu        sync.Mutex
	cases     map[string]*workflows.CaseFacts // by caseId
	caseIDs   map[string]string               // by reference
	creations map[string]Creation             // by reference
	events    int
}

// Creation is how Offload answers the creation of a case.
type Creation string

// The answers to POST /cases; the empty Creation creates the case.
const (
	// CreationUncertain: the response is lost, although the case was created.
	CreationUncertain Creation = "uncertain"
	// CreationRejected: the request is invalid (400).
	CreationRejected Creation = "rejected"
)

// Deliver sends events to a workflow by a signal. If start is not nil, the signal may start the workflow.
type Deliver func(workflowID, signal string, start, events any) error

// NewProvider makes a provider that delivers its events with deliver, for example into a real Temporal. keys may be nil.
func NewProvider(t T, keys *keyring.Ring, now func() time.Time, deliver Deliver) *Provider {
	return &Provider{
		t: t, deliver: deliver, awaitStart: func(string) error { return nil }, now: now, keys: keys,
		cases: map[string]*workflows.CaseFacts{}, caseIDs: map[string]string{}, creations: map[string]Creation{},
	}
}

// NextCreation sets the answer to the next creation of a case with the reference.
func (p *Provider) NextCreation(reference string, creation Creation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.creations[reference] = creation
}

// Open opens a case at Offload that Signalbox did not create, so that a case with the reference can adopt it. A Fake does so itself at a start
// with a caseId.
func (p *Provider) Open(reference, caseID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.caseIDs[reference] = caseID
	p.caseOf(reference)
}

// CaseID returns the ID that the case with the reference has at Offload, or will have.
func (p *Provider) CaseID(reference string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.caseID(reference)
}

func (p *Provider) caseID(reference string) string {
	return cmp.Or(p.caseIDs[reference], "case-"+reference)
}

// Ask makes Offload ask a question, and returns its ID.
func (p *Provider) Ask(reference, question string) (questionID string) {
	p.t.Helper()
	now := p.now()
	questionID = fmt.Sprintf("question-%d", p.number())
	p.send(reference, workflows.KindCaseInputNeeded, func(f *workflows.CaseFacts) {
		f.Status = workflows.OffloadInputNeeded
		f.Question = &workflows.Question{ID: questionID, Text: question, Status: workflows.QuestionPending, RequestedAt: now}
	})
	return questionID
}

// Proceed makes Offload go on with the case after it has accepted an answer. Offload sends no webhook for that: a read shows it.
func (p *Provider) Proceed(reference string) {
	p.t.Helper()
	p.change(reference, func(f *workflows.CaseFacts) {
		if f.Question == nil || f.Question.Status != workflows.QuestionResolved {
			p.t.Fatalf("signalboxtest: Proceed: case %s has no answered question", reference)
		}
		f.Status = workflows.OffloadRunning
	})
}

// Complete makes Offload complete the case. The result is any value that encodes as a JSON object, or nil.
func (p *Provider) Complete(reference string, result any) {
	p.t.Helper()
	var raw json.RawMessage
	if result != nil {
		var err error
		if raw, err = json.Marshal(result); err != nil {
			p.t.Fatalf("signalboxtest: encode the result of case %s: %v", reference, err)
		}
	}
	p.send(reference, workflows.KindCaseCompleted, func(f *workflows.CaseFacts) {
		f.Status, f.ResultStatus, f.Result, f.Question = workflows.OffloadCompleted, "goal_achieved", raw, nil
	})
}

// Fail makes Offload fail the case, with a result status such as "max_retries" and a reason in words.
func (p *Provider) Fail(reference, resultStatus, reason string) {
	p.t.Helper()
	p.send(reference, workflows.KindCaseFailed, func(f *workflows.CaseFacts) {
		f.Status, f.ResultStatus, f.FailureReason, f.Question = workflows.OffloadFailed, resultStatus, &reason, nil
	})
}

// CompleteSilently makes Offload complete the case without a webhook, as if it were lost: only a read shows the end.
func (p *Provider) CompleteSilently(reference string) {
	p.t.Helper()
	p.change(reference, func(f *workflows.CaseFacts) {
		f.Status, f.ResultStatus, f.Question = workflows.OffloadCompleted, "goal_achieved", nil
	})
}

// send changes a case and delivers the event about it.
func (p *Provider) send(reference, kind string, change func(*workflows.CaseFacts)) {
	p.t.Helper()
	facts := p.change(reference, change)
	facts.CreatedAt, facts.UpdatedAt = time.Time{}, time.Time{} // only GET has them
	event := workflows.CaseEvent{EventMeta: p.meta(kind), Facts: facts}
	if err := p.deliver(workflows.OffloadCaseWorkflowID(reference), workflows.SignalOffloadEvents, nil, []workflows.CaseEvent{event}); err != nil {
		p.t.Fatalf("signalboxtest: %s of case %s: %v", kind, reference, err)
	}
}

func (p *Provider) change(reference string, change func(*workflows.CaseFacts)) workflows.CaseFacts {
	p.t.Helper()
	if err := p.awaitStart(workflows.OffloadCaseWorkflowID(reference)); err != nil {
		p.t.Fatalf("signalboxtest: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.caseOf(reference)
	change(one)
	one.UpdatedAt = p.now()
	return *one
}

func (p *Provider) caseOf(reference string) *workflows.CaseFacts {
	caseID := p.caseID(reference)
	if p.cases[caseID] == nil {
		p.cases[caseID] = &workflows.CaseFacts{
			CaseID: caseID, Channel: "EMAIL", Status: workflows.OffloadRunning, AttemptCount: 1, CreatedAt: p.now(), UpdatedAt: p.now(),
		}
	}
	return p.cases[caseID]
}

// number returns a new number.
func (p *Provider) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events++
	return p.events
}

func (p *Provider) meta(kind string) workflows.EventMeta {
	id := fmt.Sprintf("event-%d", p.number())
	return workflows.EventMeta{DeliveryID: id, DedupeKey: id, Kind: kind, OccurredAt: p.now(), ReceivedAt: p.now()}
}

// Create answers POST /cases. An empty Creation means that the case was created.
func (p *Provider) Create(reference string, request workflows.CaseRequest) (caseID string, how Creation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how = p.creations[reference]
	delete(p.creations, reference)
	if how != CreationRejected {
		one := p.caseOf(reference)
		one.ClientReferenceID, one.Channel, one.Metadata = request.ClientReferenceID, request.Channel, request.Metadata
	}
	return p.caseID(reference), how
}

// Read answers GET /cases/{caseId}. found is false if there is no such case (404).
func (p *Provider) Read(caseID string) (snapshot workflows.CaseSnapshot, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.cases[caseID]
	if one == nil {
		return workflows.CaseSnapshot{}, false
	}
	facts := *one
	facts.FailureReason, facts.Metadata = nil, nil // only webhooks have them
	return workflows.CaseSnapshot{Facts: facts, ReadAt: p.now()}, true
}

// AcceptInput answers POST /cases/{caseId}/input: it resolves the open question.
func (p *Provider) AcceptInput(caseID string) workflows.ProvideInputResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.cases[caseID]; one != nil && one.Question != nil {
		resolved := *one.Question
		resolved.Status = workflows.QuestionResolved
		one.Question = &resolved
	}
	return workflows.ProvideInputResult{Result: workflows.InputAccepted}
}

// Activate makes a brand activate an agent. The API key is sealed with the keyring of the client's options. Without a keyring, or with an
// empty key, the activation has no API key.
func (p *Provider) Activate(agent, activationID, apiKey string) {
	p.t.Helper()
	event := workflows.ActivationEvent{User: &workflows.ActivationUser{ID: "user_1", Email: "ada@brand.example"}}
	if p.keys != nil && apiKey != "" {
		key, keyContext := []byte(apiKey), workflows.APIKeyContext(agent, activationID)
		sealed, err := p.keys.Seal(key, keyContext...)
		if err != nil {
			p.t.Fatalf("signalboxtest: seal the API key: %v", err)
		}
		event.SealedAPIKey, event.APIKeyFingerprint = sealed, p.keys.Fingerprint(key, keyContext...)
	}
	p.sendActivation(agent, activationID, workflows.KindAgentActivated, event)
}

// Pause makes Artmail pause the activation, for a reason such as "user_paused".
func (p *Provider) Pause(agent, activationID, reason string) {
	p.t.Helper()
	p.sendActivation(agent, activationID, workflows.KindAgentPaused, workflows.ActivationEvent{Reason: reason})
}

// Resume ends a pause.
func (p *Provider) Resume(agent, activationID string) {
	p.t.Helper()
	p.sendActivation(agent, activationID, workflows.KindAgentResumed, workflows.ActivationEvent{})
}

// Deactivate ends the activation.
func (p *Provider) Deactivate(agent, activationID, reason string) {
	p.t.Helper()
	p.sendActivation(agent, activationID, workflows.KindAgentDeactivated, workflows.ActivationEvent{Reason: reason})
}

// Respond makes the brand answer the approval request with the message ID. A nil approved is an answer that says neither yes nor no.
// Each call is another answer.
func (p *Provider) Respond(agent, activationID, messageID string, approved *bool, reason string) {
	p.t.Helper()
	p.sendActivation(agent, activationID, workflows.KindApprovalResponse, workflows.ActivationEvent{
		MessageID: fmt.Sprintf("response-%06d", p.number()), InResponseToID: messageID, Approved: approved, Reason: reason,
	})
}

// ForceFail makes Artmail force-fail a run for inactivity.
func (p *Provider) ForceFail(agent, activationID, runID string) {
	p.t.Helper()
	p.sendActivation(agent, activationID, workflows.KindRunForceFailed, workflows.ActivationEvent{
		RunID: runID, StaleMinutes: 15, Reason: "stale",
	})
}

func (p *Provider) sendActivation(agent, activationID, kind string, event workflows.ActivationEvent) {
	p.t.Helper()
	event.EventMeta = p.meta(kind)
	start := workflows.ActivationStart{Agent: agent, ActivationID: activationID}
	err := p.deliver(workflows.ArtmailActivationWorkflowID(agent, activationID), workflows.SignalArtmailEvents, start, []workflows.ActivationEvent{event})
	if err != nil {
		p.t.Fatalf("signalboxtest: %s of activation %s/%s: %v", kind, agent, activationID, err)
	}
}

// notFound is the failure of a read of a case that does not exist.
var notFound = rules.Failure{Type: workflows.ErrTypeOffloadNotFound, Message: "Offload has no such case (404)"}

// failureOf returns the error type for a failed creation.
func failureOf(how Creation) string {
	return cmp.Or(map[Creation]string{
		CreationUncertain: workflows.ErrTypeOffloadUncertain, CreationRejected: workflows.ErrTypeOffloadInvalidRequest,
	}[how], workflows.ErrTypeOffloadUncertain)
}
