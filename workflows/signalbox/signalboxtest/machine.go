package signalboxtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	activation "github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	offload "github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
)

// machine is a workflow in memory. It follows the rules of the real workflow, and carries out the resulting effects at once.
type machine interface {
	// update changes the state and returns the answer. A *rules.Refusal refuses the update.
	update(name string, argument json.RawMessage, now time.Time) (any, error)
	signal(name string, argument json.RawMessage, now time.Time) error
	// settle applies the time and carries out all effects. done reports that the workflow has ended, with a result.
	settle(now time.Time) (result any, done bool)
	// wake returns when the next timer fires; zero if there is none.
	wake() time.Time
	view() any
	published() searchable
	// takeNotices returns the notices since its last call.
	takeNotices() []workflows.PostedNotice
}

// searchable is what a workflow publishes in search attributes.
type searchable struct {
	state, account, caseID string
	attention              []string
	dueAt                  time.Time
}

// caseMachine is an Offload case.
type caseMachine struct {
	c        offload.Case
	provider *Provider
	notices  []workflows.PostedNotice
	wakeAt   time.Time
}

func newCase(input json.RawMessage, workflowID string, provider *Provider, now time.Time) (*caseMachine, error) {
	var start workflows.CaseStart
	if err := json.Unmarshal(input, &start); err != nil {
		return nil, rules.Invalid("%v", err)
	}
	start = start.Normalized()
	if err := start.Validate(); err != nil {
		return nil, rules.Invalid("%v", err)
	}
	if want := workflows.OffloadCaseWorkflowID(start.Reference); want != workflowID {
		return nil, rules.Refuse(workflows.ErrTypeWorkflowID, "the workflow ID is %q; start it with %q", workflowID, want)
	}
	if start.CaseID != "" {
		provider.Open(start.Reference, start.CaseID)
	}
	return &caseMachine{c: offload.Begin(start, now, now), provider: provider}, nil
}

func (m *caseMachine) update(name string, argument json.RawMessage, now time.Time) (any, error) {
	switch name {
	case workflows.UpdateProvideInput:
		return change(argument, func(in workflows.ProvideInput) error { return offload.CheckProvideInput(m.c, in) }, func(in workflows.ProvideInput) workflows.InputReceipt {
			m.c = offload.ProvideInput(m.c, in, now)
			return workflows.InputReceipt{QuestionID: in.QuestionID, GivenAt: now}
		})
	case workflows.UpdateAdoptCase:
		return change(argument, func(in workflows.AdoptCase) error { return offload.CheckAdopt(m.c, in) }, func(in workflows.AdoptCase) workflows.CaseReceipt {
			m.c = offload.Adopt(m.c, in)
			return m.receipt()
		})
	case workflows.UpdateRetryCreate:
		return change(argument, func(in workflows.RetryCreate) error { return offload.CheckRetryCreate(m.c, in) }, func(in workflows.RetryCreate) workflows.CaseReceipt {
			m.c = offload.RetryCreate(m.c, in, now)
			return m.receipt()
		})
	case workflows.UpdateCancel:
		return change(argument, func(in workflows.CancelCase) error { return offload.CheckCancel(m.c, in) }, func(in workflows.CancelCase) workflows.CaseReceipt {
			m.c = offload.Cancel(m.c, in, now)
			return m.receipt()
		})
	}
	return nil, fmt.Errorf("unknown update %s", name)
}

func (m *caseMachine) receipt() workflows.CaseReceipt {
	return workflows.CaseReceipt{Status: m.c.State.Status, Verifying: m.c.State.Verifying}
}

func (m *caseMachine) signal(name string, argument json.RawMessage, now time.Time) error {
	switch name {
	case workflows.SignalOffloadEvents:
		return handle(argument, func(events []workflows.CaseEvent) {
			for _, event := range events {
				m.c, _ = offload.Receive(m.c, event, now)
			}
		})
	case workflows.SignalReconcileNow:
		return handle(argument, func(asked workflows.ReconcileNow) { m.c = offload.ReconcileNow(m.c, asked, now) })
	}
	return nil
}

func (m *caseMachine) settle(now time.Time) (any, bool) {
	for range maxSteps {
		m.c = offload.Tick(m.c, now)
		switch fx := offload.Next(m.c, now); {
		case fx.Done:
			return offload.Outcome(m.c), true
		case fx.Create != nil:
			m.create(*fx.Create, now)
		case fx.Answer != nil:
			m.c = offload.Answered(m.c, fx.Answer.QuestionID, m.provider.AcceptInput(fx.Answer.CaseID), now)
		case fx.Read != nil:
			if snapshot, found := m.provider.Read(fx.Read.CaseID); found {
				m.c = offload.ReadDone(m.c, *fx.Read, snapshot, now)
			} else {
				m.c = offload.ReadFailed(m.c, *fx.Read, notFound, now)
			}
		case fx.ResultCheck != nil:
			m.c = offload.ResultChecked(m.c, *fx.ResultCheck, resultschema.Check(fx.ResultCheck.Schema, fx.ResultCheck.Result))
		case fx.HandOff != nil:
			addressed, _ := withTarget(fx.HandOff.Notices)
			m.notices = append(m.notices, addressed...)
			m.c = offload.HandOffSucceeded(m.c, *fx.HandOff)
		case fx.Reconcile != nil && (fx.Reconcile.Known == workflows.KnownCase{} || m.c.State.Status == workflows.CaseInputSent):
			// It was asked for, nothing is known of the case, or Offload has an answer.
			m.reconcile(*fx.Reconcile, now)
		default: // otherwise the fake does not poll
			m.wakeAt = fx.Wake
			return nil, false
		}
	}
	panic("signalboxtest: a case never stops changing")
}

// maxSteps is far more than one event causes.
const maxSteps = 1000

func (m *caseMachine) create(params workflows.CreateCaseParams, now time.Time) {
	caseID, how := m.provider.Create(params.Reference, params.Request)
	if how == "" {
		m.c = offload.Created(m.c, workflows.CreateCaseResult{CaseID: caseID}, now)
		return
	}
	m.c = offload.CreateFailed(m.c, rules.Failure{Type: failureOf(how), Message: "set by NextCreation: " + string(how)}, now)
}

func (m *caseMachine) wake() time.Time { return m.wakeAt }

func (m *caseMachine) reconcile(params workflows.ReconcileCaseParams, now time.Time) {
	switch snapshot, found := m.provider.Read(params.CaseID); {
	case !found:
		m.c = offload.ReconcileFailed(m.c, params, notFound, now)
	case snapshot.Facts.Status == params.Known.Status:
		m.c = offload.ReconcileFailed(m.c, params, rules.Failure{Type: workflows.ErrTypeOffloadNoNews}, now)
	default:
		m.c = offload.Reconciled(m.c, params, snapshot, now)
	}
}

func (m *caseMachine) view() any { return offload.View(m.c) }

func (m *caseMachine) published() searchable {
	return searchable{
		state: string(m.c.State.Status), account: m.c.Start.Account, caseID: m.c.State.CaseID,
		attention: offload.Attention(m.c.State), dueAt: offload.DueAt(m.c),
	}
}

func (m *caseMachine) takeNotices() []workflows.PostedNotice {
	notices := m.notices
	m.notices = nil
	return notices
}

// activationMachine is an Artmail activation.
type activationMachine struct {
	a       activation.Activation
	notices []workflows.PostedNotice
	wakeAt  time.Time
}

func newActivation(start workflows.ActivationStart, now time.Time) *activationMachine {
	return &activationMachine{a: activation.Begin(start, now)}
}

func (m *activationMachine) update(name string, argument json.RawMessage, now time.Time) (any, error) {
	switch name {
	case workflows.UpdateRequestApprovals:
		return change(argument, func(in []workflows.ApprovalRequest) error { return activation.CheckRequestApprovals(m.a, in) }, func(in []workflows.ApprovalRequest) (out []workflows.Approval) {
			m.a, out = activation.RequestApprovals(m.a, in, now)
			return out
		})
	case workflows.UpdateCancelApproval:
		return change(argument, func(in workflows.CancelApproval) error { return activation.CheckCancelApproval(m.a, in) }, func(in workflows.CancelApproval) (out workflows.Approval) {
			m.a, out = activation.CancelApproval(m.a, in, now)
			return out
		})
	case workflows.UpdateOpenRun:
		return change(argument, func(in workflows.OpenRun) error { return activation.CheckOpenRun(m.a, in) }, func(in workflows.OpenRun) (out workflows.Run) {
			m.a, out = activation.OpenRun(m.a, in, now)
			return out
		})
	case workflows.UpdateCloseRun:
		return change(argument, func(in workflows.CloseRun) error { return activation.CheckCloseRun(m.a, in) }, func(in workflows.CloseRun) (out workflows.Run) {
			m.a, out = activation.CloseRun(m.a, in, now)
			return out
		})
	case workflows.UpdateResealAPIKey:
		return change(argument, func(in workflows.ResealAPIKey) error { return activation.CheckResealAPIKey(m.a, in) }, func(in workflows.ResealAPIKey) (out workflows.APIKeyReceipt) {
			m.a, out = activation.ResealAPIKey(m.a, in)
			return out
		})
	}
	return nil, fmt.Errorf("unknown update %s", name)
}

func (m *activationMachine) signal(name string, argument json.RawMessage, now time.Time) error {
	switch name {
	case workflows.SignalArtmailEvents:
		return handle(argument, func(events []workflows.ActivationEvent) { m.a, _ = activation.Receive(m.a, events, now) })
	case workflows.SignalTouchRuns:
		return handle(argument, func(touch workflows.TouchRuns) { m.a = activation.TouchRuns(m.a, touch, now) })
	case workflows.SignalActivationOptions:
		return handle(argument, func(options workflows.ActivationOptions) { m.a = activation.Configure(m.a, options) })
	}
	return nil
}

func (m *activationMachine) settle(now time.Time) (any, bool) {
	for range maxSteps {
		m.a, _ = activation.Tick(m.a, now)
		switch fx := activation.Next(m.a, now); {
		case fx.Done:
			return activation.View(m.a), true
		case fx.HandOff != nil:
			addressed, withoutTarget := withTarget(fx.HandOff.Notices)
			m.notices = append(m.notices, addressed...)
			m.a = activation.HandOffSucceeded(activation.HandOffStarted(m.a, *fx.HandOff), *fx.HandOff, workflows.HandOffResult{WithoutTarget: withoutTarget})
		default: // the fake checks no approvals
			m.wakeAt = fx.Wake
			return nil, false
		}
	}
	panic("signalboxtest: an activation never stops changing")
}

func (m *activationMachine) wake() time.Time { return m.wakeAt }

func (m *activationMachine) view() any {
	view := activation.View(m.a)
	view.Options = m.a.Start.Options
	return view
}

func (m *activationMachine) published() searchable {
	return searchable{state: string(m.a.State.Status), attention: activation.Attention(m.a), dueAt: activation.DueAt(m.a)}
}

func (m *activationMachine) takeNotices() []workflows.PostedNotice {
	notices := m.notices
	m.notices = nil
	return notices
}

// withTarget does the work of the hand-off: it returns the notices that have a target, and the IDs of the others.
func withTarget(notices []workflows.PostedNotice) (addressed []workflows.PostedNotice, withoutTarget []string) {
	for _, n := range notices {
		if n.ReplyTo != nil || len(n.Notify) > 0 {
			addressed = append(addressed, n)
		} else {
			withoutTarget = append(withoutTarget, n.ID)
		}
	}
	return addressed, withoutTarget
}

// change decodes, checks and applies the argument of an update.
func change[In, Out any](argument json.RawMessage, check func(In) error, apply func(In) Out) (any, error) {
	var in In
	if err := json.Unmarshal(argument, &in); err != nil {
		return nil, rules.Invalid("%v", err)
	}
	if err := check(in); err != nil {
		return nil, err
	}
	return apply(in), nil
}

// handle decodes and applies the argument of a signal.
func handle[In any](argument json.RawMessage, apply func(In)) error {
	var in In
	if err := json.Unmarshal(argument, &in); err != nil {
		return fmt.Errorf("decode signal: %w", err)
	}
	apply(in)
	return nil
}
