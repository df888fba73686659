package artmailsim

import (
	"fmt"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Record is what the simulator knows of an activation, apart from its API key: for assertions and for people.
type Record struct {
	ActivationID     string            `json:"activationId"`
	Agent            string            `json:"agent"`
	Status           Status            `json:"status"`
	PauseReason      string            `json:"pauseReason,omitempty"`
	WebhookLastError string            `json:"webhookLastError,omitempty"`
	Messages         []MessageRecord   `json:"messages"`
	Runs             []RunRecord       `json:"runs"`
	Webhooks         []courier.Attempt `json:"webhooks,omitempty"` // finished attempts
}

// MessageRecord is an APPROVAL_REQUEST and its answer.
type MessageRecord struct {
	MessageID    string    `json:"messageId"`
	ActivationID string    `json:"activationId"`
	Type         string    `json:"type"`
	Text         string    `json:"text"`
	RunID        string    `json:"runId,omitempty"`
	Response     *Response `json:"response"`
}

// RunRecord is a run and how it stands.
type RunRecord struct {
	RunID  string    `json:"runId"`
	Status RunStatus `json:"status"`
}

// Activation returns what is known of one activation.
func (s *Simulator) Activation(activationID string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	if !ok {
		return Record{}, fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	return s.record(a), nil
}

// Activations returns all activations, oldest first.
func (s *Simulator) Activations() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make([]Record, 0, len(s.order))
	for _, id := range s.order {
		records = append(records, s.record(s.activations[id]))
	}
	return records
}

// TestPings lists the attempts of test deliveries, whose answers a builder sees in the dashboard.
func (s *Simulator) TestPings() []courier.Attempt { return s.Webhooks.Attempts(testActivationID) }

func (s *Simulator) record(a *activation) Record {
	r := Record{
		ActivationID:     a.id,
		Agent:            a.agent,
		Status:           a.status,
		PauseReason:      a.pauseReason,
		WebhookLastError: a.lastError,
		Messages:         []MessageRecord{},
		Runs:             []RunRecord{},
		Webhooks:         append([]courier.Attempt{}, s.Webhooks.Attempts(a.id)...),
	}
	for _, id := range a.messages {
		r.Messages = append(r.Messages, s.messages[id].record())
	}
	for _, id := range a.runs {
		r.Runs = append(r.Runs, RunRecord{RunID: id, Status: s.runs[id].status})
	}
	return r
}

func (m *message) record() MessageRecord {
	return MessageRecord{
		MessageID: m.id, ActivationID: m.activationID, Type: "APPROVAL_REQUEST", Text: m.text, RunID: m.runID, Response: m.response,
	}
}
