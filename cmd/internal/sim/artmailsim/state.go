package artmailsim

import (
	"encoding/json"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// savedState is the state file. The envelope is kept, since a provider does not change it overnight.
type savedState struct {
	Envelope    Envelope          `json:"envelope"`
	Activations []savedActivation `json:"activations"`
}

type savedActivation struct {
	ID          string                     `json:"id"`
	Agent       string                     `json:"agent"`
	Status      Status                     `json:"status"`
	APIKey      string                     `json:"apiKey"`
	PauseReason string                     `json:"pauseReason,omitempty"`
	LastError   string                     `json:"lastError,omitempty"`
	LastEventAt time.Time                  `json:"lastEventAt"`
	Sent        map[string]courier.Message `json:"sent"`
	Messages    []MessageRecord            `json:"messages,omitempty"`
	Runs        []RunRecord                `json:"runs,omitempty"`
}

// load takes each saved activation on where it stood. Those of an agent that is no longer listed are left out.
func (s *Simulator) load() error {
	var saved savedState
	if err := s.Load(&saved); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Envelope == (Envelope{}) && saved.Envelope != (Envelope{}) {
		s.envelope = saved.Envelope
	}
	for _, one := range saved.Activations {
		if _, listed := s.agents[one.Agent]; listed {
			s.restore(one)
		}
	}
	return nil
}

func (s *Simulator) restore(saved savedActivation) {
	a := &activation{
		id: saved.ID, agent: saved.Agent, status: saved.Status, apiKey: saved.APIKey, pauseReason: saved.PauseReason,
		lastError: saved.LastError, lastEventAt: saved.LastEventAt, sent: saved.Sent,
	}
	s.activations[a.id] = a
	s.order = append(s.order, a.id)
	if a.status != Deactivated {
		s.keyOwner[a.apiKey] = a.id
	}
	for _, m := range saved.Messages {
		s.messages[m.MessageID] = &message{id: m.MessageID, activationID: a.id, runID: m.RunID, text: m.Text, response: m.Response}
		a.messages = append(a.messages, m.MessageID)
	}
	for _, r := range saved.Runs {
		a.runs = append(a.runs, r.RunID)
		s.addRun(r.RunID, a.id, r.Status)
	}
}

// encodeState returns the whole state.
func (s *Simulator) encodeState() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := savedState{Envelope: s.envelope}
	for _, id := range s.order {
		a, record := s.activations[id], s.record(s.activations[id])
		saved.Activations = append(saved.Activations, savedActivation{
			ID: a.id, Agent: a.agent, Status: a.status, APIKey: a.apiKey, PauseReason: a.pauseReason, LastError: a.lastError,
			LastEventAt: a.lastEventAt, Sent: a.sent, Messages: record.Messages, Runs: record.Runs,
		})
	}
	return json.Marshal(saved)
}
