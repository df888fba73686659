package courier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// answerLimit bounds how much of an answer is read: only its status matters.
const answerLimit = 64 << 10

// Attempt is one attempt to post a message.
type Attempt struct {
	MessageID string    `json:"messageId,omitempty"`
	Event     string    `json:"event"`
	Key       string    `json:"key"`
	At        time.Time `json:"at"`
	Fault     Fault     `json:"fault,omitempty"`
	// Status is the status that the sender saw, or 0 if it saw none.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Delivered reports whether the sender saw a 2xx, which counts as success for both providers.
func (a Attempt) Delivered() bool { return a.Status >= 200 && a.Status < 300 }

var (
	errDropped    = errors.New("dropped on the wire")
	errAnswerLost = errors.New("the answer was lost")
)

func (c *Courier) post(ctx context.Context, m Message, fault Fault) Attempt {
	attempt := Attempt{MessageID: m.ID, Event: m.Event, Key: m.Key, At: c.opts.Now(), Fault: fault}
	status, err := c.exchange(ctx, m, fault)
	attempt.Status = status
	if err != nil {
		attempt.Error = err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = append(c.attempts, attempt)
	return attempt
}

func (c *Courier) exchange(ctx context.Context, m Message, fault Fault) (status int, err error) {
	if fault == Drop {
		return 0, errDropped
	}
	body := m.Body
	if fault == Corrupt && len(body) > 0 {
		// A cut message is not valid JSON, and its signature is wrong.
		body = body[:c.opts.Dice.IntN(len(body))]
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("webhook request: %w", err)
	}
	if m.Header != nil {
		req.Header = m.Header.Clone()
	}
	resp, err := c.client.Do(req)
	if err != nil {
		// Attempts are shown, so the error must not contain the URL, which may have a token.
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return 0, fmt.Errorf("post webhook: %w", err)
	}
	_, readErr := io.Copy(io.Discard, io.LimitReader(resp.Body, answerLimit))
	if err := errors.Join(readErr, resp.Body.Close()); err != nil {
		return resp.StatusCode, fmt.Errorf("read the receiver's answer: %w", err)
	}
	if fault == LoseAnswer {
		return 0, errAnswerLost
	}
	return resp.StatusCode, nil
}
