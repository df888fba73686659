// Package sim runs both simulated providers on one address: Offload below /offload, Artmail below /artmail. GET / says how a person controls
// them.
package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// Agent is the only agent of the simulated Artmail.
const Agent = "demo-agent"

// Options configure the providers. All but Folder, Sealer, Pace and Trouble are required, and one of Listen and Listener.
type Options struct {
	// Listen is host:port; port 0 picks a free one. The controls need no key, so it should be on loopback.
	Listen string
	// Listener replaces Listen. The providers close it, also if Start fails.
	Listener net.Listener
	// PublicURL is the public URL of Signalbox, below which Artmail posts its events.
	PublicURL string
	// Folder keeps the providers' state over restarts. Without it, Stop ends the state.
	Folder string
	// OffloadKey is the API key that the simulated Offload accepts; AgentSecret is the secret with which the simulated Artmail signs.
	OffloadKey, AgentSecret string
	// Sealer seals Artmail's state, which contains the activations' API keys. Without it, the state is in clear text.
	Sealer simbase.Sealer
	// Pace is the pause before each step of a scripted case. Default 1 s.
	Pace time.Duration
	// Trouble has the faults from the start.
	Trouble Trouble
}

// Providers are both simulators, running.
type Providers struct {
	Offload *offloadsim.Simulator
	Artmail *artmailsim.Simulator

	url    string
	server *http.Server
	served chan error
}

// Start returns when the providers accept calls. If it fails, it leaves nothing running.
func Start(o Options) (_ *Providers, err error) {
	listener := o.Listener
	if listener == nil {
		if listener, err = setting.Listen("--listen", o.Listen); err != nil {
			return nil, err
		}
	}
	p := &Providers{url: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(), listener.Close())
		}
	}()
	if p.Offload, err = offloadsim.New(offloadsim.Options{
		Keys:      []offloadsim.Key{{Value: o.OffloadKey, Owner: "signalbox"}},
		PublicURL: p.OffloadURL(),
		Pace:      o.Pace,
		Seed:      o.Trouble.Seed,
		StateFile: o.file("offload-simulator.json"),
	}); err != nil {
		return nil, err
	}
	if p.Artmail, err = artmailsim.New(artmailsim.Options{
		Agents:      []artmailsim.Agent{{Slug: Agent, WebhookURL: ArtmailWebhookURL(o.PublicURL), Secret: o.AgentSecret}},
		Seed:        o.Trouble.Seed,
		StateFile:   o.file("artmail-simulator.json"),
		StateSealer: o.Sealer,
	}); err != nil {
		return nil, err
	}
	if err := o.Trouble.begin(p); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/offload/", http.StripPrefix("/offload", p.Offload))
	mux.Handle("/artmail/", http.StripPrefix("/artmail", p.Artmail))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, Help(p.url)) // an error means that the client is gone
	})
	p.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // the simulators can be told to answer late
		IdleTimeout:       2 * time.Minute,
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

func (o Options) file(name string) string {
	if o.Folder == "" {
		return ""
	}
	return filepath.Join(o.Folder, name)
}

// URL returns the URL of both providers; OffloadURL and ArtmailURL return the base URL of each.
func (p *Providers) URL() string        { return p.url }
func (p *Providers) OffloadURL() string { return p.url + "/offload" }
func (p *Providers) ArtmailURL() string { return p.url + "/artmail" }

// ArtmailWebhookURL returns the URL to which Artmail posts the agent's events.
func ArtmailWebhookURL(publicURL string) string {
	return strings.TrimRight(publicURL, "/") + "/webhooks/artmail/" + Agent
}

// Stop ends webhooks and scripts, and then the listener. It fails if the state could not be saved.
func (p *Providers) Stop() error {
	closed := p.close()
	stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := p.server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = p.server.Close()
	}
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(closed, err)
}

// close closes the simulators that have been started.
func (p *Providers) close() (err error) {
	if p.Offload != nil {
		err = p.Offload.Close()
	}
	if p.Artmail != nil {
		err = errors.Join(err, p.Artmail.Close())
	}
	return err
}

// Help returns a text that says how a person controls the providers at url.
func Help(url string) string {
	return strings.ReplaceAll(fmt.Sprintf(`The part before the @ of the counterparty's address chooses the script of a case: %s.
You can control a manual case, and any other, with these commands; REFERENCE is the case's reference, or latest:

  curl SIM/offload/sim/cases                                 all cases
  curl -X POST SIM/offload/sim/cases/REFERENCE/ask           ask a question now
  curl -X POST SIM/offload/sim/cases/REFERENCE/complete      complete it now
  curl -X POST SIM/offload/sim/cases/REFERENCE/fail -d '{"resultStatus": "BOUNCED", "reason": "mailbox full"}'
  curl -X POST SIM/offload/sim/webhook-faults/drop           drop the next webhook
  curl -X POST SIM/offload/sim/failures/throttle:get         refuse the next GET /cases/{id}
  curl -X POST SIM/artmail/sim/agents/%s/activate    a brand activates the agent
  curl -X POST SIM/artmail/sim/activations/latest/pause      pause the newest activation

All controls, with the fields of their bodies:

  curl SIM/offload/sim/
  curl SIM/artmail/sim/
`, strings.Join(offloadsim.Scripts(), ", "), Agent), "SIM", url)
}
