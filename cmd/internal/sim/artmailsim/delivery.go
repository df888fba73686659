package artmailsim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// The events that Artmail sends.
const (
	EventActivated        = "agent.activated"
	EventApprovalResponse = "approval_response"
	EventPaused           = "agent.paused"
	EventResumed          = "agent.resumed"
	EventDeactivated      = "agent.deactivated"
	EventRunForceFailed   = "run_force_failed"
	EventTestPing         = "test.ping"
)

// Events are the events for which a fault of a webhook can be planned.
var Events = []string{
	EventActivated, EventApprovalResponse, EventPaused, EventResumed, EventDeactivated, EventRunForceFailed, EventTestPing,
}

// testActivationID is what test deliveries say in place of an activation.
const testActivationID = "test"

const signatureHeader = "X-Artmail-Signature"

// Sign is the value of X-Artmail-Signature for a body: lower-case hex of its HMAC-SHA256.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// emit sends an event of an activation in the background. The caller holds the mutex. Each event is at least one tick later than the one
// before: receivers order pauses and resumes by time.
func (s *Simulator) emit(a *activation, event string, extra map[string]any) error {
	at := s.Now().Truncate(s.envelope.tick())
	if !at.After(a.lastEventAt) {
		at = a.lastEventAt.Add(s.envelope.tick())
	}
	a.lastEventAt = at
	s.Changed()
	m, err := s.compose(s.agents[a.agent], event, a.id, at, extra)
	if err != nil {
		return err
	}
	a.sent[event] = m
	s.deliver(m)
	return nil
}

func (s *Simulator) compose(agent *Agent, event, activationID string, at time.Time, extra map[string]any) (courier.Message, error) {
	body, err := s.envelope.encode(event, activationID, at, extra)
	if err != nil {
		return courier.Message{}, err
	}
	return courier.Message{
		Event: event, Key: activationID, URL: agent.WebhookURL, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, signatureHeader: {Sign(agent.Secret, body)}},
	}, nil
}

// deliver tries the direct way, then the queue, then gives up. While an event is tried directly, the next
// events of its activation wait. An event in the queue delays no other, so events can arrive hours out of order.
func (s *Simulator) deliver(m courier.Message) {
	s.Webhooks.Send(m, func(ctx context.Context, first courier.Attempt) {
		if first.Delivered() || s.retry(ctx, m, s.opts.Undocumented.DirectBackoff, nil) {
			return
		}
		queued := m
		if s.opts.Undocumented.QueueUnsigned {
			queued.Header = m.Header.Clone()
			queued.Header.Del(signatureHeader)
		}
		s.Webhooks.Go(func(ctx context.Context) {
			last := first
			if !s.retry(ctx, queued, s.opts.Undocumented.QueueIntervals, &last) && ctx.Err() == nil {
				s.giveUp(m, last)
			}
		})
	})
}

// retry posts after each of the pauses until the message is delivered, and keeps the last attempt.
func (s *Simulator) retry(ctx context.Context, m courier.Message, pauses []time.Duration, last *courier.Attempt) (delivered bool) {
	for _, pause := range pauses {
		if !s.Webhooks.Wait(s.scaled(pause)) {
			return false
		}
		attempt := s.Webhooks.Post(ctx, m)
		if last != nil {
			*last = attempt
		}
		if attempt.Delivered() {
			return true
		}
	}
	return false
}

// giveUp pauses the activation of an event that failed both ways. Test deliveries pause nothing.
func (s *Simulator) giveUp(m courier.Message, last courier.Attempt) {
	if m.Event == EventTestPing {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.activations[m.Key]
	s.Changed()
	a.lastError = last.Error
	if last.Error == "" {
		a.lastError = fmt.Sprintf("the webhook answered %d", last.Status)
	}
	if a.status != Active {
		return
	}
	a.status, a.pauseReason = Paused, PauseWebhookFailure
	if !s.opts.Undocumented.OmitFailurePauseEvent {
		// Encoding can't fail: the reason is a string.
		_ = s.emit(a, EventPaused, map[string]any{"reason": PauseWebhookFailure})
	}
}
