package activationtest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// agents are the webhook secrets of each agent.
type agents map[string][]string

// receiver is ingress, inbox and relay as a process has them, with the inbox at hand.
type receiver struct {
	address string
	inbox   inbox.Store
	stop    func()
}

// receiving says where a receiver keeps its deliveries and listens; what is empty is new.
type receiving struct {
	temporal client.Client
	agents   agents
	options  map[string]workflows.ActivationOptions
	ring     *keyring.Ring
	file     string
	address  string
}

func startReceiver(t testing.TB, r receiving) *receiver {
	t.Helper()
	if r.file == "" {
		r.file = filepath.Join(t.TempDir(), "inbox.db")
	}
	if r.address == "" {
		r.address = "127.0.0.1:0"
	}
	if r.ring == nil {
		r.ring = shared.ring
	}
	listener, err := net.Listen("tcp", r.address)
	require.NoError(t, err)
	store, err := sqlite.Open(t.Context(), r.file, sqlite.Options{})
	require.NoError(t, err)
	registry := prometheus.NewRegistry()
	server, err := ingress.New(ingress.Config{Agents: r.agents}, ingress.Deps{
		Keys: r.ring, Inbox: store, Logger: zap.NewNop(), Metrics: registry, Now: time.Now,
	})
	require.NoError(t, err)
	relayed, err := relay.New(relay.Config{Owner: inbox.NewID(time.Now()), Agents: r.options}, relay.Deps{
		Keys: r.ring, Inbox: store, Temporal: r.temporal, Payloads: payloadtest.Codec(), Logger: zap.NewNop(), Metrics: registry, Now: time.Now,
	})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var served error
	running.Go(func() { served = server.Serve(ctx, listener) })
	running.Go(func() { relayed.Run(ctx) })
	stop := sync.OnceFunc(func() {
		cancel()
		running.Wait()
		require.NoError(t, served)
		require.NoError(t, store.Close())
	})
	t.Cleanup(stop)
	return &receiver{address: listener.Addr().String(), inbox: store, stop: stop}
}

// url is an agent's webhook URL.
func (r *receiver) url(agent string) string {
	return "http://" + r.address + "/webhooks/artmail/" + agent
}

// list returns all deliveries of an agent without their bodies, the newest first.
func (r *receiver) list(ctx context.Context, agent string) ([]inbox.Delivery, error) {
	page, err := r.inbox.List(ctx, inbox.Filter{Scope: agent, Limit: inbox.MaxPage})
	return page.Deliveries, err
}

var artmail = &http.Client{Timeout: 5 * time.Minute}

// busy counts the answers 503 of an ingress whose disk is busy. What was so answered may have been kept all the same.
var busy atomic.Int64

// post posts an event as Artmail does until the ingress is not busy, signed by the secret, and returns the status. An empty secret: unsigned.
func post(t testing.TB, url, body, secret string) int {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (int, error) { return postOnce(ctx, t, url, body, secret) }, func(status int) bool {
		if status == http.StatusServiceUnavailable {
			busy.Add(1)
			return false
		}
		return true
	})
}

func postOnce(ctx context.Context, t testing.TB, url, body, secret string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	if secret != "" {
		request.Header.Set("X-Artmail-Signature", artmailsim.Sign(secret, []byte(body)))
	}
	response, err := artmail.Do(request)
	if err != nil {
		busy.Add(1) // it may have been kept all the same
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// simulate starts an Artmail whose agents post to the receiver, each with its own secret.
func simulate(t testing.TB, o artmailsim.Options) *artmailsim.Simulator {
	t.Helper()
	sim, err := artmailsim.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	t.Logf("simulated Artmail: seed %d, envelope %+v", sim.Seed(), sim.Envelope())
	return sim
}
