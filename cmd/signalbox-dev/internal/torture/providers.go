package torture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

// providers are both simulators, in this process: what they know is not lost when something is killed.
type providers struct {
	offload *offloadsim.Simulator
	artmail *artmailsim.Simulator
	wire    *wire
	tap     *tap

	server *http.Server
	served chan error
	closed sync.Once
}

const (
	// offloadPace bounds how late a webhook is: five times as long.
	offloadPace = 200 * time.Millisecond
	// artmailScale makes Artmail's retries "over hours" a matter of seconds.
	artmailScale = 0.005
	// reordered and late are shares of the events, beside the duplicates that the options ask for. lostAnswers makes Artmail repeat what
	// it was acknowledged.
	reordered, late, lostAnswers = 0.05, 0.05, 0.02
)

// directBackoff undoes artmailScale for Artmail's direct retries, so that they come after 1, 2 and 4 seconds: outages are not scaled either. With
// shorter pauses, each retry of one event in thousands would meet an outage; Artmail would give the event up, and its activation would not end.
var directBackoff = []time.Duration{time.Duration(1e9 / artmailScale), time.Duration(2e9 / artmailScale), time.Duration(4e9 / artmailScale)}

// artmailQueue are the pauses of Artmail's slow queue, 4 and 14 seconds and then many of 27. It has more tries than Artmail's three: those
// outlast any outage by hours, while here the outages are not compressed, and what is given up would wait for ever.
var artmailQueue = append([]time.Duration{12 * time.Minute, 48 * time.Minute}, slices.Repeat([]time.Duration{90 * time.Minute}, 20)...)

func startProviders(s settings, seed uint64, duplicates float64) (*providers, error) {
	p := &providers{wire: newWire(), served: make(chan error, 1)}
	var err error
	p.offload, err = offloadsim.New(offloadsim.Options{
		Keys: []offloadsim.Key{{Value: s.OffloadKey, Owner: "torture"}}, Pace: offloadPace, Seed: seed, Transport: p.wire,
	})
	if err != nil {
		return nil, err
	}
	p.artmail, err = artmailsim.New(artmailsim.Options{
		Agents:    []artmailsim.Agent{{Slug: agent, WebhookURL: s.artmailHook(), Secret: s.AgentSecret}},
		TimeScale: artmailScale, Seed: seed + 1, Transport: p.wire,
		Undocumented: artmailsim.Undocumented{DirectBackoff: directBackoff, QueueIntervals: artmailQueue},
	})
	if err != nil {
		return nil, errors.Join(err, p.offload.Close())
	}
	faults := map[courier.Fault]float64{
		courier.Repeat: duplicates, courier.Reorder: reordered, courier.Delay: late, courier.LoseAnswer: lostAnswers,
	}
	err = errors.Join(p.offload.Webhooks.Faults.SetRates(faults), p.artmail.Webhooks.Faults.SetRates(faults))
	var listener net.Listener
	if err == nil {
		listener, err = net.Listen("tcp", s.Providers)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("providers: %w", err), p.offload.Close(), p.artmail.Close())
	}
	p.tap = &tap{next: p.offload, cases: map[string][]string{}, answers: map[string]int{}}
	mux := http.NewServeMux()
	mux.Handle("/offload/", http.StripPrefix("/offload", p.tap))
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// hush ends all webhooks that are still to come; the API goes on to answer.
func (p *providers) hush() error {
	var err error
	p.closed.Do(func() { err = errors.Join(p.offload.Close(), p.artmail.Close()) })
	return err
}

func (p *providers) close() error {
	err := errors.Join(p.hush(), p.server.Close())
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	p.wire.next.CloseIdleConnections()
	return err
}

// tap listens to Offload's API: which cases were created for which reference, and which questions were answered.
type tap struct {
	next http.Handler

	mu sync.Mutex
	// cases are the caseIds created with each clientReferenceId; answers count what was accepted for each inputRequestId.
	cases   map[string][]string
	answers map[string]int
}

// ServeHTTP implements http.Handler.
func (t *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	create := r.Method == http.MethodPost && r.URL.Path == "/cases"
	input := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/input")
	if !create && !input {
		t.next.ServeHTTP(w, r)
		return
	}
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		// A process that was killed in the middle of its request: nothing has happened.
		http.Error(w, "cut", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(request))
	answer := &recorder{ResponseWriter: w}
	t.next.ServeHTTP(answer, r)
	if answer.status < 200 || answer.status > 299 {
		return
	}
	if create {
		t.created(request, answer.body.Bytes())
	} else {
		t.answered(request)
	}
}

func (t *tap) created(request, answer []byte) {
	var asked struct {
		Reference string `json:"clientReferenceId"`
	}
	var told struct {
		Data struct {
			CaseID string `json:"caseId"`
		} `json:"data"`
	}
	if json.Unmarshal(request, &asked) != nil || json.Unmarshal(answer, &told) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cases[asked.Reference] = append(t.cases[asked.Reference], told.Data.CaseID)
}

func (t *tap) answered(request []byte) {
	var input struct {
		ID string `json:"inputRequestId"`
	}
	if json.Unmarshal(request, &input) != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers[input.ID]++
}

// casesOf are the caseIds created for the reference.
func (t *tap) casesOf(reference string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.cases[reference]...)
}

// answersOf is how often an answer to the question was accepted.
func (t *tap) answersOf(questionID string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.answers[questionID]
}

// recorder keeps an answer while it passes.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}
