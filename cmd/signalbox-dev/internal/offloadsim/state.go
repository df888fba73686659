package offloadsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// saveInterval is how soon a change is in the state file. A process that is killed forgets what is newer.
const saveInterval = 200 * time.Millisecond

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

// load reads the state file, where there is one, and takes each case on where it stood.
func (s *Simulator) load() error {
	encoded, err := os.ReadFile(s.opts.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("offloadsim: read state: %w", err)
	}
	var saved []savedCase
	if err := json.Unmarshal(encoded, &saved); err != nil {
		return fmt.Errorf("offloadsim: state file %s: %w", s.opts.StateFile, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range saved {
		c, err := one.restore()
		if err != nil {
			return fmt.Errorf("offloadsim: state file %s: %w", s.opts.StateFile, err)
		}
		s.cases[c.id] = c
		s.order = append(s.order, c.id)
		s.created[ownerMonth{c.owner, billingMonth(time.UnixMilli(c.createdAt))}]++
		s.play(c)
	}
	return nil
}

// keepSaving writes changes until the simulator closes.
func (s *Simulator) keepSaving(ctx context.Context) {
	ticker := time.NewTicker(saveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.save(); err != nil {
				s.mu.Lock()
				s.saveErr = err
				s.mu.Unlock()
				return
			}
		}
	}
}

// save writes the state file whole, and only where something changed.
func (s *Simulator) save() error {
	s.mu.Lock()
	if !s.changed {
		s.mu.Unlock()
		return nil
	}
	s.changed = false
	saved := make([]savedCase, 0, len(s.order))
	for _, id := range s.order {
		saved = append(saved, s.cases[id].save())
	}
	encoded, err := json.Marshal(saved)
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("offloadsim: encode state: %w", err)
	}
	// Written beside and renamed: a crash leaves the old file or the new one, never half of one.
	beside := s.opts.StateFile + ".new"
	if err := os.WriteFile(beside, encoded, 0o600); err != nil {
		return fmt.Errorf("offloadsim: write state: %w", err)
	}
	if err := os.Rename(beside, s.opts.StateFile); err != nil {
		return fmt.Errorf("offloadsim: write state: %w", err)
	}
	return nil
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
