package offloadsim

import (
	"encoding/json"
	"fmt"
	"time"
)

// savedCase is a case in the state file. The request is kept as it came, and read again.
type savedCase struct {
	ID            string            `json:"id"`
	Owner         string            `json:"owner"`
	Request       json.RawMessage   `json:"request"`
	Status        Status            `json:"status"`
	CreatedAt     int64             `json:"createdAt"`
	UpdatedAt     int64             `json:"updatedAt"`
	NextActionAt  int64             `json:"nextActionAt"`
	AttemptCount  int               `json:"attemptCount"`
	Attachments   []savedAttachment `json:"attachments,omitempty"`
	ResultStatus  string            `json:"resultStatus,omitempty"`
	Result        map[string]any    `json:"result,omitempty"`
	FailureReason *string           `json:"failureReason,omitempty"`
	Input         *inputRequest     `json:"input,omitempty"`
	InputLeftAt   int64             `json:"inputLeftAt,omitempty"`
	Answers       []Answer          `json:"answers,omitempty"`
	Script        Script            `json:"script"`
	Step          int               `json:"step"`
}

type savedAttachment struct {
	attachment
	Content []byte `json:"content"`
}

// load takes each saved case on where it stood.
func (s *Simulator) load() error {
	var saved []savedCase
	if err := s.Load(&saved); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range saved {
		c, err := one.restore()
		if err != nil {
			return fmt.Errorf("state file %s: %w", s.opts.StateFile, err)
		}
		s.cases[c.id] = c
		s.order = append(s.order, c.id)
		s.created[ownerMonth{c.owner, billingMonth(time.UnixMilli(c.createdAt))}]++
		s.play(c)
	}
	return nil
}

// encodeState returns all cases.
func (s *Simulator) encodeState() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := make([]savedCase, 0, len(s.order))
	for _, id := range s.order {
		saved = append(saved, s.cases[id].save())
	}
	return json.Marshal(saved)
}

func (c *offloadCase) save() savedCase {
	saved := savedCase{
		ID: c.id, Owner: c.owner, Request: c.body, Status: c.status, CreatedAt: c.createdAt, UpdatedAt: c.updatedAt,
		NextActionAt: c.nextActionAt, AttemptCount: c.attemptCount, ResultStatus: c.resultStatus, Result: c.result,
		FailureReason: c.failureReason, Input: c.input, Answers: c.answers, Script: c.script, Step: c.step,
	}
	if c.input != nil {
		saved.InputLeftAt = c.input.leftAt
	}
	for _, file := range c.attachments {
		saved.Attachments = append(saved.Attachments, savedAttachment{file, file.content})
	}
	return saved
}

func (saved savedCase) restore() (*offloadCase, error) {
	req, apiErr := parseCreate(saved.Request)
	if apiErr != nil {
		return nil, fmt.Errorf("case %s: %s", saved.ID, apiErr.message)
	}
	c := &offloadCase{
		id: saved.ID, owner: saved.Owner, request: req, body: saved.Request, status: saved.Status, createdAt: saved.CreatedAt,
		updatedAt: saved.UpdatedAt, nextActionAt: saved.NextActionAt, attemptCount: saved.AttemptCount,
		resultStatus: saved.ResultStatus, result: saved.Result, failureReason: saved.FailureReason, input: saved.Input,
		answers: saved.Answers, script: saved.Script, step: saved.Step, answered: make(chan struct{}, 1),
	}
	if c.input != nil {
		c.input.leftAt = saved.InputLeftAt
		if c.input.Status == requestResolved && c.status == StatusInputNeeded {
			c.answered <- struct{}{} // The script may still wait for it.
		}
	}
	for _, answer := range c.answers {
		c.learn(answer.ProvidedContext)
	}
	for _, file := range saved.Attachments {
		file.content = file.Content
		c.attachments = append(c.attachments, file.attachment)
	}
	return c, nil
}
