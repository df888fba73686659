package offloadsim

import (
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Documented values of resultStatus. It is an open string, and Fail takes any.
const (
	ResultGoalAchieved   = "goal_achieved"
	ResultMaxRetries     = "max_retries"
	ResultFailedRejected = "failed_rejected"
	ResultBounced        = "BOUNCED"
	ResultComplained     = "COMPLAINED"
	ResultRejected       = "REJECTED"
)

// SendFirstMessage takes a case from CREATED to RUNNING: the outreach is out, a follow-up is scheduled.
func (s *Simulator) SendFirstMessage(caseID string) error {
	return s.step(caseID, []Status{StatusCreated}, func(c *offloadCase, now time.Time) error {
		c.status = StatusRunning
		c.send(now)
		return nil
	})
}

// SendMessage sends a follow-up or a reply of a RUNNING case, and schedules the next follow-up.
func (s *Simulator) SendMessage(caseID string) error {
	return s.step(caseID, []Status{StatusRunning}, func(c *offloadCase, now time.Time) error {
		c.send(now)
		return nil
	})
}

// ReceiveReply clears a RUNNING case's schedule: a reply came and is being evaluated.
func (s *Simulator) ReceiveReply(caseID string) error {
	return s.step(caseID, []Status{StatusRunning}, func(c *offloadCase, _ time.Time) error {
		c.nextActionAt = 0
		return nil
	})
}

// ReceiveAttachment adds an inbound file to a case that has not ended, and returns its id.
func (s *Simulator) ReceiveAttachment(caseID, name, mimeType string, content []byte) (attachmentID string, err error) {
	err = s.step(caseID, []Status{StatusRunning, StatusInputNeeded}, func(c *offloadCase, now time.Time) error {
		attachmentID = s.Dice.UUID()
		c.attachments = append(c.attachments, attachment{
			AttachmentID: attachmentID, Name: name, Size: len(content), Type: mimeType,
			MessageID: "<" + s.Dice.UUID() + "@example.com>", InboxID: leakedInboxID,
			ReceivedAt: now.UnixMilli(), content: slices.Clone(content),
		})
		return nil
	})
	return attachmentID, err
}

// Complete ends a case with the goal achieved and sends case.completed. A nil result is a case without structured output.
func (s *Simulator) Complete(caseID string, result map[string]any) error {
	return s.step(caseID, []Status{StatusRunning, StatusInputNeeded}, func(c *offloadCase, now time.Time) error {
		c.leaveInput(now)
		c.status, c.resultStatus, c.result, c.nextActionAt = StatusCompleted, ResultGoalAchieved, result, 0
		return s.notify(c, EventCompleted, nil)
	})
}

// Fail ends a case and sends case.failed. An empty reason is sent as null.
func (s *Simulator) Fail(caseID, resultStatus, reason string) error {
	from := []Status{StatusCreated, StatusRunning, StatusInputNeeded}
	return s.step(caseID, from, func(c *offloadCase, now time.Time) error {
		c.leaveInput(now)
		c.status, c.resultStatus, c.nextActionAt = StatusFailed, resultStatus, 0
		if reason != "" {
			c.failureReason = &reason
		}
		return s.notify(c, EventFailed, nil)
	})
}

// AskInput opens a question, sends case.input_needed, and returns the input request's id. A case that waits already
// gets a new request in place of the old one.
func (s *Simulator) AskInput(caseID, question string) (inputRequestID string, err error) {
	err = s.step(caseID, []Status{StatusRunning, StatusInputNeeded}, func(c *offloadCase, now time.Time) error {
		inputRequestID = s.Dice.UUID()
		c.status, c.nextActionAt = StatusInputNeeded, 0
		c.input = &inputRequest{
			ID: inputRequestID, Question: question, Status: requestPending, RequestedAt: now.UnixMilli(),
		}
		return s.notify(c, EventInputNeeded, nil)
	})
	return inputRequestID, err
}

// Resume processes an accepted answer: the case is RUNNING again. Offload sends no webhook for that.
func (s *Simulator) Resume(caseID string) error {
	return s.step(caseID, []Status{StatusInputNeeded}, func(c *offloadCase, now time.Time) error {
		if c.input.Status != requestResolved {
			return fmt.Errorf("%w: input request %s is not answered", simbase.ErrTransition, c.input.ID)
		}
		c.leaveInput(now)
		c.status = StatusRunning
		c.send(now)
		return nil
	})
}

// SendWebhook sends an event for a case as it is, in any status, with some data replaced: a repeated event, an
// early one, or one that contradicts the case. It does not change the case.
func (s *Simulator) SendWebhook(caseID, event string, overrides map[string]any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		return fmt.Errorf("case %q: %w", caseID, simbase.ErrUnknown)
	}
	return s.notify(c, event, overrides)
}

// step carries out one update of a case whose status is among from.
func (s *Simulator) step(caseID string, from []Status, update func(c *offloadCase, now time.Time) error) error {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.cases[caseID]
	if !ok {
		return fmt.Errorf("case %q: %w", caseID, simbase.ErrUnknown)
	}
	if !slices.Contains(from, c.status) {
		return fmt.Errorf("case %s is %s, want one of %s: %w", caseID, c.status, from, simbase.ErrTransition)
	}
	c.touch(now)
	s.Changed()
	return update(c, now)
}

// send counts an outbound message and schedules the follow-up to it.
func (c *offloadCase) send(now time.Time) {
	c.attemptCount++
	c.nextActionAt = now.Add(time.Duration(c.request.followUpDelayHours) * time.Hour).UnixMilli()
}

func (c *offloadCase) leaveInput(now time.Time) {
	if c.status == StatusInputNeeded && c.input != nil {
		c.input.Status = requestResolved
		c.input.leftAt = now.UnixMilli()
	}
}
