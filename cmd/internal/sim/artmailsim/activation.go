package artmailsim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Status is an activation's.
type Status string

const (
	Active      Status = "active"
	Paused      Status = "paused"
	Deactivated Status = "deactivated"
)

// The documented reasons.
const (
	PauseUser           = "user_paused"
	PausePlanDowngrade  = "plan_downgrade"
	PauseWebhookFailure = "webhook_failure"

	DeactivateUser          = "user_deactivated"
	DeactivatePlanDowngrade = "plan_downgrade"
	DeactivateAdminRevoke   = "admin_revoke"
)

// ErrReason is returned for a reason that is not documented.
var ErrReason = errors.New("not a documented reason")

var (
	pauseReasons      = []string{PauseUser, PausePlanDowngrade, PauseWebhookFailure}
	deactivateReasons = []string{DeactivateUser, DeactivatePlanDowngrade, DeactivateAdminRevoke}
)

// activation is one brand's use of an agent. Guarded by the simulator's mutex.
type activation struct {
	id          string
	agent       string
	status      Status
	apiKey      string
	pauseReason string
	lastError   string // webhookLastError
	lastEventAt time.Time
	sent        map[string]courier.Message // the latest of each kind
	messages    []string                   // ids, oldest first
	runs        []string                   // ids, oldest first
}

// Activate lets a brand activate an agent: a new activation, whose API key is sent once, with agent.activated.
func (s *Simulator) Activate(agent string) (activationID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.agents[agent]; !ok {
		return "", s.unknownAgent(agent)
	}
	a := &activation{
		id:     "act_" + s.Dice.UUID(),
		agent:  agent,
		status: Active,
		apiKey: "art_agent_" + s.Dice.UUID(),
		sent:   map[string]courier.Message{},
	}
	s.activations[a.id] = a
	s.order = append(s.order, a.id)
	s.keyOwner[a.apiKey] = a.id
	user := s.Dice.UUID()
	return a.id, s.emit(a, EventActivated, map[string]any{
		"apiKey": a.apiKey,
		"user":   map[string]any{"id": "usr_" + user, "email": "brand-" + user[:8] + "@example.com"},
	})
}

// Pause pauses an active activation for one of the documented reasons.
func (s *Simulator) Pause(activationID, reason string) error {
	if !slices.Contains(pauseReasons, reason) {
		return fmt.Errorf("pause for %q: %w, want one of %q", reason, ErrReason, pauseReasons)
	}
	return s.step(activationID, []Status{Active}, func(a *activation) error {
		a.status, a.pauseReason = Paused, reason
		return s.emit(a, EventPaused, map[string]any{"reason": reason})
	})
}

// Resume re-enables a paused activation, for any reason of the pause.
func (s *Simulator) Resume(activationID string) error {
	return s.step(activationID, []Status{Paused}, func(a *activation) error {
		a.status, a.pauseReason, a.lastError = Active, "", ""
		return s.emit(a, EventResumed, nil)
	})
}

// Deactivate ends an activation for one of the documented reasons, and revokes its API key.
func (s *Simulator) Deactivate(activationID, reason string) error {
	if !slices.Contains(deactivateReasons, reason) {
		return fmt.Errorf("deactivate for %q: %w, want one of %q", reason, ErrReason, deactivateReasons)
	}
	return s.step(activationID, []Status{Active, Paused}, func(a *activation) error {
		a.status = Deactivated
		delete(s.keyOwner, a.apiKey)
		for _, id := range a.runs {
			if r := s.runs[id]; r.status == RunOpen {
				r.end(RunCutOff)
			}
		}
		return s.emit(a, EventDeactivated, map[string]any{"reason": reason, "apiKeyRevoked": true})
	})
}

// Redeliver sends the latest event of a kind once more, byte for byte, as a queue does that missed the answer. It goes to
// the agent's present URL, which a restart may have moved.
func (s *Simulator) Redeliver(activationID, event string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	if !ok {
		return fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	m, ok := a.sent[event]
	if !ok {
		return fmt.Errorf("%s of activation %q: %w", event, activationID, simbase.ErrUnknown)
	}
	m.URL = s.agents[a.agent].WebhookURL
	s.deliver(m)
	return nil
}

// TestPing sends a test webhook. An empty note is sent as null.
func (s *Simulator) TestPing(agent, note string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed, ok := s.agents[agent]
	if !ok {
		return s.unknownAgent(agent)
	}
	m, err := s.compose(listed, EventTestPing, testActivationID, s.Now(), map[string]any{"note": orNull(note)})
	if err != nil {
		return err
	}
	s.deliver(m)
	return nil
}

// HoldsAPIKey says whether key is the activation's, for tests of what was sealed and revealed. Nothing else shows it.
func (s *Simulator) HoldsAPIKey(activationID, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	return ok && a.apiKey == key
}

func (s *Simulator) step(activationID string, from []Status, change func(a *activation) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	if !ok {
		return fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	if !slices.Contains(from, a.status) {
		return fmt.Errorf("activation %s is %s, want one of %s: %w", activationID, a.status, from, simbase.ErrTransition)
	}
	return change(a)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
