package casetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

// gate stands before a provider and holds a call at a chosen place of its way.
type gate struct {
	sim *offloadsim.Simulator

	mu      sync.Mutex
	holds   map[place]*hold
	created int
	// stalled, where it is not nil, lets no download end until it is closed; stalls counts those that wait.
	stalled chan struct{}
	stalls  int
}

// stallDownloads makes each download hang until resume is called or its caller is gone.
func (g *gate) stallDownloads() (resume func()) {
	stalled := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stalled = stalled
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.stalled = nil
		close(stalled)
	})
}

// downloading is how many downloads hang.
func (g *gate) downloading() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stalls
}

// creations is how often POST /cases was called.
func (g *gate) creations() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.created
}

// count takes note of the call and hangs where it is a download that is to.
func (g *gate) count(r *http.Request) (goOn bool) {
	g.mu.Lock()
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/cases") {
		g.created++
	}
	stalled := g.stalled
	if stalled == nil || !strings.HasPrefix(r.URL.Path, "/downloads/") {
		g.mu.Unlock()
		return true
	}
	g.stalls++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.stalls--
	}()
	select {
	case <-stalled:
		return true
	case <-r.Context().Done():
		return false
	}
}

// place is where the next call of a route for a reference is held.
type place struct {
	reference string
	route     offloadsim.Route
	leg       leg
}

type leg string

const (
	// arriving: the provider has not seen the call.
	arriving leg = "arriving"
	// returning: the provider has carried it out, and the caller does not know it.
	returning leg = "returning"
)

type hold struct{ reached, released chan struct{} }

// hold plans that the next such call stops until it is released or its caller is gone.
func (g *gate) hold(reference string, route offloadsim.Route, where leg) *hold {
	h := &hold{reached: make(chan struct{}), released: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds[place{reference, route, where}] = h
	return h
}

// wait returns when the call is held.
func (h *hold) wait(t *testing.T) {
	t.Helper()
	select {
	case <-h.reached:
	case <-time.After(waitTimeout):
		require.FailNow(t, "no call came")
	}
}

func (h *hold) release() { close(h.released) }

// stop says whether the call may go on.
func (h *hold) stop(r *http.Request) bool {
	close(h.reached)
	select {
	case <-h.released:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !g.count(r) {
		panic(http.ErrAbortHandler)
	}
	if h := g.next(r, body, arriving); h != nil && !h.stop(r) {
		panic(http.ErrAbortHandler)
	}
	h := g.next(r, body, returning)
	if h == nil {
		g.sim.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	g.sim.ServeHTTP(answer, r)
	if !h.stop(r) {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the caller may have gone
}

func (g *gate) next(r *http.Request, body []byte, where leg) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.holds) == 0 {
		return nil
	}
	at := place{leg: where}
	_, path, _ := strings.Cut(r.URL.Path, "/cases")
	id, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch id {
	case "":
		var created struct{ ClientReferenceID string }
		if json.Unmarshal(body, &created) != nil {
			return nil
		}
		at.route, at.reference = offloadsim.RouteCreate, created.ClientReferenceID
	default:
		of, err := g.sim.Case(id)
		if err != nil {
			return nil
		}
		at.reference, at.route = of.ClientReferenceID, offloadsim.RouteGet
		if rest == "input" {
			at.route = offloadsim.RouteInput
		}
	}
	h := g.holds[at]
	delete(g.holds, at)
	return h
}
