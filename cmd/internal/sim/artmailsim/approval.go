package artmailsim

import (
	"fmt"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// message is an APPROVAL_REQUEST that an agent posted. Guarded by the simulator's mutex.
type message struct {
	id           string
	activationID string
	runID        string // empty: none
	text         string
	response     *Response
}

// Response is a brand user's answer to an APPROVAL_REQUEST.
type Response struct {
	MessageID    string  `json:"messageId"`
	InResponseTo string  `json:"inResponseToId"`
	Approved     bool    `json:"approved"`
	Reason       *string `json:"reason"`
	RunID        *string `json:"runId"`
}

// RequestApproval posts an APPROVAL_REQUEST for an activation, as its agent would. An empty run is none.
func (s *Simulator) RequestApproval(activationID, text, runID string) (messageID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.activations[activationID]
	if !ok {
		return "", fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	if a.status == Deactivated {
		return "", fmt.Errorf("activation %s is %s: %w", activationID, a.status, simbase.ErrTransition)
	}
	if runID != "" {
		r, ok := s.runs[runID]
		if !ok || r.activationID != activationID {
			return "", fmt.Errorf("run %q: %w", runID, simbase.ErrUnknown)
		}
		if r.status != RunOpen {
			return "", fmt.Errorf("run %s is %s: %w", runID, r.status, simbase.ErrTransition)
		}
		r.touch()
	}
	m := &message{id: "msg_" + s.Dice.UUID(), activationID: activationID, runID: runID, text: text}
	s.messages[m.id] = m
	a.messages = append(a.messages, m.id)
	s.Changed()
	return m.id, nil
}

// RespondApproval lets a brand user answer an APPROVAL_REQUEST, and returns the id of the answer. An empty reason is
// null; an empty run is the request's, which may be none. A second answer sends a second event, with a new id:
// what Artmail does then is not documented.
func (s *Simulator) RespondApproval(messageID string, approved bool, reason, runID string) (responseID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.messages[messageID]
	if !ok {
		return "", fmt.Errorf("message %q: %w", messageID, simbase.ErrUnknown)
	}
	if runID == "" {
		runID = m.runID
	}
	response, err := s.respond(m.activationID, messageID, approved, reason, runID)
	if err != nil {
		return "", err
	}
	m.response = response
	s.Changed()
	return response.MessageID, nil
}

// SendApprovalResponse sends an approval_response to a message that the simulator need not know.
func (s *Simulator) SendApprovalResponse(activationID, inResponseTo string, approved bool, reason, runID string) (responseID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	response, err := s.respond(activationID, inResponseTo, approved, reason, runID)
	if err != nil {
		return "", err
	}
	return response.MessageID, nil
}

func (s *Simulator) respond(activationID, inResponseTo string, approved bool, reason, runID string) (*Response, error) {
	a, ok := s.activations[activationID]
	if !ok {
		return nil, fmt.Errorf("activation %q: %w", activationID, simbase.ErrUnknown)
	}
	if r, ok := s.runs[runID]; ok && r.status == RunOpen {
		r.touch()
	}
	response := &Response{MessageID: "msg_" + s.Dice.UUID(), InResponseTo: inResponseTo, Approved: approved}
	if reason != "" {
		response.Reason = &reason
	}
	if runID != "" {
		response.RunID = &runID
	}
	return response, s.emit(a, EventApprovalResponse, map[string]any{
		"messageId":      response.MessageID,
		"inResponseToId": response.InResponseTo,
		"approved":       response.Approved,
		"reason":         response.Reason,
		"runId":          response.RunID,
	})
}
