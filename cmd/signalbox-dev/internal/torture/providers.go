package torture

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

// providers are both simulators. They run in this process, so they lose nothing when another process is killed.
type providers struct {
	offload *offloadsim.Simulator
	artmail *artmailsim.Simulator
	wire    *wire

	server *http.Server
	served chan error
	closed sync.Once
}

const (
	// offloadPace is the pause before each step of a simulated case. A webhook is delayed by at most five times as much.
	offloadPace = 200 * time.Millisecond
	// artmailScale makes Artmail's retries "over hours" a matter of seconds.
	artmailScale = 0.005
	// reordered, late and lostAnswers are shares of the events; the options set the share of duplicates. After a lost answer Artmail posts an
	// acknowledged event again.
	reordered, late, lostAnswers = 0.05, 0.05, 0.02
)

// directBackoff undoes artmailScale for Artmail's direct retries: they come after 1, 2 and 4 seconds. Outages are not scaled, so with shorter
// pauses all retries of a few events in thousands would fall into outages; Artmail would give these events up, and their activations would not end.
var directBackoff = []time.Duration{time.Duration(1e9 / artmailScale), time.Duration(2e9 / artmailScale), time.Duration(4e9 / artmailScale)}

// artmailQueue are the pauses of Artmail's slow queue: 4 and 14 seconds, then 20 of 27 seconds. Artmail has three tries over hours, longer than any
// outage. Here the pauses are scaled and the outages are not, so it has more tries: the run would wait forever for an event that was given up.
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
	mux := http.NewServeMux()
	mux.Handle("/offload/", http.StripPrefix("/offload", p.offload))
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// stopWebhooks drops all webhooks that were not sent yet. The API still works.
func (p *providers) stopWebhooks() error {
	var err error
	p.closed.Do(func() { err = errors.Join(p.offload.Close(), p.artmail.Close()) })
	return err
}

func (p *providers) close() error {
	err := errors.Join(p.stopWebhooks(), p.server.Close())
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	p.wire.next.CloseIdleConnections()
	return err
}

// answersTo returns how many answers to the question Offload accepted.
func answersTo(question string, made []offloadsim.Record) (accepted int) {
	for _, one := range made {
		for _, answer := range one.Answers {
			if answer.InputRequestID == question {
				accepted++
			}
		}
	}
	return accepted
}
