package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Names of what is derived from the keyring.
const (
	offloadKey  = "offload-api-key"
	agentSecret = "artmail-webhook-secret"
)

// Simulators are both providers behind one port: Offload below /offload, Artmail below /artmail.
type Simulators struct {
	Offload *offloadsim.Simulator
	Artmail *artmailsim.Simulator

	url    string
	server *http.Server
	served chan error
}

func startSimulators(o Options, data folder, ring *keyring.Ring, ingress string) (_ *Simulators, err error) {
	listener, err := net.Listen("tcp", o.Simulators)
	if err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	s := &Simulators{url: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	if s.Offload, err = offloadsim.New(offloadsim.Options{
		Keys:      []offloadsim.Key{{Value: secret(ring, offloadKey), Owner: "signalbox-dev"}},
		PublicURL: s.OffloadURL(),
		Pace:      o.Pace,
		Seed:      o.Trouble.Seed,
		StateFile: data.offload(),
	}); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if s.Artmail, err = artmailsim.New(artmailsim.Options{
		Seed: o.Trouble.Seed,
		// The state holds the activations' API keys.
		StateFile:   data.artmail(),
		StateSealer: ring,
		Agents:      []artmailsim.Agent{{Slug: Agent, WebhookURL: ingress + "/webhooks/artmail/" + Agent, Secret: AgentSecret(ring)}},
	}); err != nil {
		return nil, errors.Join(err, s.Offload.Close(), listener.Close())
	}
	if err := o.Trouble.begin(s); err != nil {
		return nil, errors.Join(err, s.Artmail.Close(), s.Offload.Close(), listener.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/offload/", http.StripPrefix("/offload", s.Offload))
	mux.Handle("/artmail/", http.StripPrefix("/artmail", s.Artmail))
	s.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // the simulators can be told to answer late
		IdleTimeout:       2 * time.Minute,
	}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

// URL is where the simulators listen.
func (s *Simulators) URL() string { return s.url }

// OffloadURL is Offload's base URL.
func (s *Simulators) OffloadURL() string { return s.url + "/offload" }

// ArtmailURL is Artmail's base URL.
func (s *Simulators) ArtmailURL() string { return s.url + "/artmail" }

func (s *Simulators) stop() error {
	closed := errors.Join(s.Offload.Close(), s.Artmail.Close())
	stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(closed, err)
}
