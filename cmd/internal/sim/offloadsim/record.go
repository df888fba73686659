package offloadsim

import (
	"fmt"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Record is what the simulator knows of a case, beyond what Offload would tell: for assertions and for people.
type Record struct {
	CaseID            string            `json:"caseId"`
	ClientReferenceID string            `json:"clientReferenceId,omitempty"`
	Status            Status            `json:"status"`
	ResultStatus      string            `json:"resultStatus,omitempty"`
	AttemptCount      int               `json:"attemptCount"`
	UpdatedAt         int64             `json:"updatedAt"`                // ms
	InputRequestID    string            `json:"inputRequestId,omitempty"` // the latest
	Question          string            `json:"question,omitempty"`       // the latest
	Answers           []Answer          `json:"answers"`                  // accepted with 202
	Reads             int               `json:"reads"`                    // answered GET /cases/{id}
	Webhooks          []courier.Attempt `json:"webhooks,omitempty"`       // finished attempts
}

// Case returns what is known of one case.
func (s *Simulator) Case(caseID string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		return Record{}, fmt.Errorf("case %q: %w", caseID, simbase.ErrUnknown)
	}
	return s.record(c), nil
}

// Cases returns all cases, oldest first.
func (s *Simulator) Cases() []Record {
	return s.records(func(*offloadCase) bool { return true })
}

// CasesOf returns the cases created with a clientReferenceId, oldest first. More than one of them means a second
// e-mail thread to a real vendor.
func (s *Simulator) CasesOf(clientReferenceID string) []Record {
	return s.records(func(c *offloadCase) bool { return c.request.clientReferenceID == clientReferenceID })
}

// records returns the cases that want reports true for, oldest first.
func (s *Simulator) records(want func(*offloadCase) bool) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := []Record{}
	for _, id := range s.order {
		if c := s.cases[id]; want(c) {
			records = append(records, s.record(c))
		}
	}
	return records
}

func (s *Simulator) record(c *offloadCase) Record {
	r := Record{
		CaseID:            c.id,
		ClientReferenceID: c.request.clientReferenceID,
		Status:            c.status,
		ResultStatus:      c.resultStatus,
		AttemptCount:      c.attemptCount,
		UpdatedAt:         c.updatedAt,
		Answers:           append([]Answer{}, c.answers...),
		Reads:             c.reads,
		Webhooks:          append([]courier.Attempt{}, s.Webhooks.Attempts(c.id)...),
	}
	if c.input != nil {
		r.InputRequestID, r.Question = c.input.ID, c.input.Question
	}
	return r
}
