package torture

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/workflows"
)

// bodyHash names a body by its bytes. The simulators send a repeated event byte for byte, and no two events alike.
type bodyHash [sha256.Size]byte

// wire carries the providers' webhooks and remembers which bodies were answered with 204. It sees what the receiver answered even where
// the simulator is made to miss it.
type wire struct {
	next *http.Transport
	// begun counts each distinct body when it first sets out; faults are timed by it.
	begun atomic.Int64

	mu   sync.Mutex
	sent map[bodyHash]*posted
	// heardOn are the paths on which something was acknowledged.
	heardOn map[string]bool
}

// posted is the result of posting one body.
type posted struct {
	path         string
	attempts     int
	acknowledged int
	answered     map[int]int
}

func newWire() *wire {
	return &wire{next: &http.Transport{MaxIdleConnsPerHost: 64}, sent: map[bodyHash]*posted{}, heardOn: map[string]bool{}}
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return nil, fmt.Errorf("read webhook: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	p := w.begin(r.URL.Path, body)
	response, err := w.next.RoundTrip(r)
	if err == nil {
		w.answer(p, response.StatusCode)
	}
	return response, err
}

func (w *wire) begin(path string, body []byte) *posted {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := bodyHash(sha256.Sum256(body))
	p, known := w.sent[name]
	if !known {
		w.begun.Add(1)
		p = &posted{path: path, answered: map[int]int{}}
		w.sent[name] = p
	}
	p.attempts++
	return p
}

func (w *wire) answer(p *posted, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.answered[status]++
	if status == http.StatusNoContent {
		p.acknowledged++
		w.heardOn[p.path] = true
	}
}

// acknowledgedFor says whether an event of the case was acknowledged.
func (w *wire) acknowledgedFor(reference string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path := range w.heardOn {
		if strings.HasPrefix(path, workflows.OffloadWebhookPath(reference, "")) {
			return true
		}
	}
	return false
}

// tally is what the wire has seen, in numbers.
type tally struct {
	Events       int `json:"events"`
	Posts        int `json:"posts"`
	Acknowledged int `json:"acknowledgedEvents"`
	// Repeats counts acknowledgements of an event that had been acknowledged before.
	Repeats int         `json:"acknowledgedAgain"`
	Answers map[int]int `json:"answers"`
}

func (w *wire) tally() tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := tally{Events: len(w.sent), Answers: map[int]int{}}
	for _, p := range w.sent {
		t.Posts += p.attempts
		if p.acknowledged > 0 {
			t.Acknowledged++
			t.Repeats += p.acknowledged - 1
		}
		for status, n := range p.answered {
			t.Answers[status] += n
		}
	}
	return t
}

// acknowledged returns the path of each body that was answered with 204.
func (w *wire) acknowledged() map[bodyHash]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[bodyHash]string{}
	for name, p := range w.sent {
		if p.acknowledged > 0 {
			all[name] = p.path
		}
	}
	return all
}
