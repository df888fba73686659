package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// noon is the start of most stories; at(5) is five minutes later, at(-5) five minutes earlier.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }

var waiter = &workflows.ReplyTo{WorkflowID: "order/7", Signal: "approval"}

func start(options workflows.ActivationOptions) workflows.ActivationStart {
	return workflows.ActivationStart{Agent: "pages", ActivationID: "act_1", Options: options}
}

// world is an activation for tests: each method applies a rule and keeps the result.
type world struct {
	lifecycle.Activation
	t testing.TB
}

func newWorld(t testing.TB, options workflows.ActivationOptions) *world {
	t.Helper()
	return &world{t: t, Activation: lifecycle.Begin(start(options), noon)}
}

func newState(t testing.TB) *world {
	t.Helper()
	return newWorld(t, workflows.ActivationOptions{})
}

func (w *world) Tick(now time.Time) (notes []lifecycle.Note) {
	w.Activation, notes = lifecycle.Tick(w.Activation, now)
	return notes
}

func (w *world) Request(requests []workflows.ApprovalRequest, now time.Time) (approvals []workflows.Approval, err error) {
	if err := lifecycle.CheckRequestApprovals(w.Activation, requests); err != nil {
		return nil, err
	}
	w.Activation, approvals = lifecycle.RequestApprovals(w.Activation, requests, now)
	return approvals, nil
}

func (w *world) Cancel(c workflows.CancelApproval, now time.Time) (approval workflows.Approval, err error) {
	if err := lifecycle.CheckCancelApproval(w.Activation, c); err != nil {
		return workflows.Approval{}, err
	}
	w.Activation, approval = lifecycle.CancelApproval(w.Activation, c, now)
	return approval, nil
}

func (w *world) Open(o workflows.OpenRun, now time.Time) (run workflows.Run, err error) {
	if err := lifecycle.CheckOpenRun(w.Activation, o); err != nil {
		return workflows.Run{}, err
	}
	w.Activation, run = lifecycle.OpenRun(w.Activation, o, now)
	return run, nil
}

func (w *world) Close(c workflows.CloseRun, now time.Time) (run workflows.Run, err error) {
	if err := lifecycle.CheckCloseRun(w.Activation, c); err != nil {
		return workflows.Run{}, err
	}
	w.Activation, run = lifecycle.CloseRun(w.Activation, c, now)
	return run, nil
}

func (w *world) Touch(touch workflows.TouchRuns, now time.Time) {
	w.Activation = lifecycle.TouchRuns(w.Activation, touch, now)
}

func (w *world) Configure(options workflows.ActivationOptions) {
	w.Activation = lifecycle.Configure(w.Activation, options)
}

func (w *world) CancelWorkflow(now time.Time) { w.Activation = lifecycle.Cancel(w.Activation, now) }

func (w *world) CheckResealAPIKey(r workflows.ResealAPIKey) error {
	return lifecycle.CheckResealAPIKey(w.Activation, r)
}

func (w *world) Reseal(r workflows.ResealAPIKey) (receipt workflows.APIKeyReceipt, err error) {
	if err := w.CheckResealAPIKey(r); err != nil {
		return workflows.APIKeyReceipt{}, err
	}
	w.Activation, receipt = lifecycle.ResealAPIKey(w.Activation, r)
	return receipt, nil
}

func (w *world) Reconciled(messageID string, result workflows.CheckApprovalResult, now time.Time) {
	w.Activation, _ = lifecycle.Reconciled(w.Activation, messageID, result, now)
}

func (w *world) ReconcileFailed(messageID string, final bool, now time.Time) {
	w.Activation, _ = lifecycle.ReconcileFailed(w.Activation, messageID, rules.Failure{Message: "no answer", Final: final}, now)
}

func (w *world) View() workflows.ActivationState { return lifecycle.View(w.Activation) }

func (w *world) Reconcile(now time.Time) []lifecycle.Reconcile {
	return lifecycle.Next(w.Activation, now).Reconcile
}

func (w *world) NextWake(now time.Time) (time.Time, bool) {
	wake := lifecycle.Next(w.Activation, now).Wake
	return wake, !wake.IsZero()
}

// waiting returns the notices in the outbox that have a receiver.
func (w *world) waiting() []workflows.PostedNotice {
	told := map[string]bool{}
	for _, a := range w.State.Approvals {
		told[a.NoticeID] = a.ReplyTo != nil
	}
	for _, r := range w.State.Runs {
		told[r.WarningID] = told[r.WarningID] || r.ReplyTo != nil
		told[r.EndID] = told[r.EndID] || r.ReplyTo != nil
	}
	return slices.DeleteFunc(slices.Clone(w.State.Outbox.Waiting), func(n workflows.PostedNotice) bool { return !told[n.ID] })
}

// due returns the complete notices to hand off now that have a receiver.
func (w *world) due(now time.Time) []workflows.PostedNotice {
	h := lifecycle.Next(w.Activation, now).HandOff
	if h == nil {
		return nil
	}
	return withReceiver(h.Notices)
}

// handOff hands off the due notices, and returns those with a receiver.
func (w *world) handOff(now time.Time) []workflows.PostedNotice {
	h := lifecycle.Next(w.Activation, now).HandOff
	if h == nil {
		return nil
	}
	w.Activation = lifecycle.HandOffSucceeded(lifecycle.HandOffStarted(w.Activation, *h), *h, withoutConfig(*h))
	return withReceiver(h.Notices)
}

// handOffAll empties the outbox.
func (w *world) handOffAll(now time.Time) {
	for len(w.State.Outbox.Waiting) > 0 {
		w.handOff(now)
	}
}

func withReceiver(notices []workflows.PostedNotice) []workflows.PostedNotice {
	return slices.DeleteFunc(slices.Clone(notices), func(n workflows.PostedNotice) bool { return n.ReplyTo == nil })
}

// withoutConfig returns the result of a hand-off without configured targets.
func withoutConfig(h workflows.HandOff) (result workflows.HandOffResult) {
	for _, n := range h.Notices {
		if n.ReplyTo == nil && len(n.Notify) == 0 {
			result.WithoutTarget = append(result.WithoutTarget, n.ID)
		}
	}
	return result
}

func activeState(t testing.TB) *world {
	t.Helper()
	s := newState(t)
	apply(s, noon, activated(0, "key"))
	require.Equal(t, workflows.ActivationActive, s.State.Status)
	s.handOff(noon)
	return s
}

func apply(s *world, now time.Time, events ...workflows.ActivationEvent) (notes []lifecycle.Note) {
	s.Activation, notes = lifecycle.Receive(s.Activation, events, now)
	return notes
}

func event(kind, key string, minutes float64) workflows.ActivationEvent {
	return workflows.ActivationEvent{EventMeta: workflows.EventMeta{
		DeliveryID: "dlv_" + kind + key, DedupeKey: kind + ":" + key, Kind: kind, OccurredAt: at(minutes), ReceivedAt: at(minutes),
	}}
}

func activated(minutes float64, key string) workflows.ActivationEvent {
	e := event(workflows.KindAgentActivated, "act_1", minutes)
	e.SealedAPIKey, e.APIKeyFingerprint = []byte("sealed "+key), []byte("print "+key)
	e.User = &workflows.ActivationUser{ID: "usr_1", Email: "brand@example.com"}
	return e
}

func paused(minutes float64, reason string) workflows.ActivationEvent {
	e := event(workflows.KindAgentPaused, fmt.Sprint(minutes), minutes)
	e.Reason = reason
	return e
}

func resumed(minutes float64) workflows.ActivationEvent {
	return event(workflows.KindAgentResumed, fmt.Sprint(minutes), minutes)
}

func deactivated(minutes float64) workflows.ActivationEvent {
	e := event(workflows.KindAgentDeactivated, "act_1", minutes)
	e.Reason = "user_deactivated"
	return e
}

func response(minutes float64, messageID, requestID string, approved bool) workflows.ActivationEvent {
	e := event(workflows.KindApprovalResponse, messageID, minutes)
	e.MessageID, e.InResponseToID, e.Approved, e.Reason = messageID, requestID, &approved, "because of "+messageID
	return e
}

func forceFailed(minutes float64, runID string) workflows.ActivationEvent {
	e := event(workflows.KindRunForceFailed, runID, minutes)
	e.RunID, e.Reason, e.StaleMinutes = runID, "stale", 16
	return e
}

// redelivered returns the same event with another dedupe key, like a replay beyond the window of seen keys.
func redelivered(e workflows.ActivationEvent) workflows.ActivationEvent {
	e.DedupeKey += " again"
	return e
}

func request(messageID string) workflows.ApprovalRequest {
	return workflows.ApprovalRequest{MessageID: messageID, Subject: "Publish " + messageID + "?", ReplyTo: waiter}
}

func requestOfRun(messageID, runID string) workflows.ApprovalRequest {
	r := request(messageID)
	r.RunID = runID
	return r
}

func requestDue(messageID string, minutes float64) workflows.ApprovalRequest {
	r := request(messageID)
	r.Deadline = at(minutes)
	return r
}

func register(t testing.TB, s *world, now time.Time, requests ...workflows.ApprovalRequest) []workflows.Approval {
	t.Helper()
	approvals, err := s.Request(requests, now)
	require.NoError(t, err)
	return approvals
}

func approval(t testing.TB, s *world, messageID string) workflows.Approval {
	t.Helper()
	for _, a := range s.View().Approvals {
		if a.MessageID == messageID {
			return a
		}
	}
	require.Fail(t, "no such approval", messageID)
	return workflows.Approval{}
}

func run(t testing.TB, s *world, runID string) workflows.Run {
	t.Helper()
	for _, r := range s.View().Runs {
		if r.RunID == runID {
			return r
		}
	}
	require.Fail(t, "no such run", runID)
	return workflows.Run{}
}

func results(notes []lifecycle.Note) []workflows.EventResult {
	var all []workflows.EventResult
	for _, n := range notes {
		all = append(all, n.Result)
	}
	return all
}

func requireRefused(t testing.TB, errType string, err error) {
	t.Helper()
	var refusal *rules.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, errType, refusal.Type, refusal.Message)
}

// carried passes the state through JSON, as continue-as-new does.
func carried(t testing.TB, s *world) *world {
	t.Helper()
	b, err := json.Marshal(s.State)
	require.NoError(t, err)
	var state lifecycle.State
	require.NoError(t, json.Unmarshal(b, &state))
	return &world{t: t, Activation: lifecycle.Restore(s.Start, state)}
}

func ptr[T any](v T) *T { return &v }
