// Package simtest has what tests of a simulated provider share: a receiver of its webhooks without a network, so that under testing/synctest
// minutes and hours of retries pass at once, and calls of its API.
package simtest

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// Received is one request as the receiver got it.
type Received struct {
	At     time.Time
	URL    string
	Header http.Header
	Body   string
}

// Receiver is an http.RoundTripper that answers each request itself and keeps it. It answers 204 until told otherwise.
type Receiver struct {
	mu       sync.Mutex
	received []Received
	answer   func(r *http.Request) (*http.Response, error)
}

// Answer sets how requests are answered from now on.
func (r *Receiver) Answer(answer func(r *http.Request) (*http.Response, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// RoundTrip implements http.RoundTripper.
func (r *Receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.received = append(r.received, Received{
		At:  time.Now(), //nolint:forbidigo // the test's clock, which synctest drives
		URL: req.URL.String(), Header: req.Header, Body: string(body),
	})
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		return Status(http.StatusNoContent)(req)
	}
	return answer(req)
}

// Received lists what has come, oldest first.
func (r *Receiver) Received() []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.received)
}

// Bodies lists the bodies of what has come, oldest first.
func (r *Receiver) Bodies() []string {
	var bodies []string
	for _, received := range r.Received() {
		bodies = append(bodies, received.Body)
	}
	return bodies
}

// Status answers with a status and no body.
func Status(status int) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
}

// Hang never answers: the request ends when the sender cancels it.
func Hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// InTurn answers each request as the next of the answers does, and from then on as the last.
func InTurn(answers ...func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	var mu sync.Mutex
	return func(req *http.Request) (*http.Response, error) {
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		return answer(req)
	}
}

// Pass lets time pass in a synctest bubble, where it takes none, and returns when all that was due has happened.
func Pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the bubble's time, not the test's
	synctest.Wait()
}
