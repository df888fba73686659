package service_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// network is a bad network between an ingress and its database.
type network struct {
	t      *testing.T
	proxy  *toxiproxy.Proxy
	bridge *bridge
}

// newNetwork returns a network to a database, and the database's address over it.
func newNetwork(t *testing.T, address string) (*network, string) {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	query := parsed.Query()
	// Some of it logs by a logger that all of the process shares.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	b := newBridge(t, filepath.Join(query.Get("host"), ".s.PGSQL.5432"))
	proxy := toxiproxy.NewProxy(server, "database", "127.0.0.1:0", b.address)
	require.NoError(t, proxy.Start())
	n := &network{t, proxy, b}
	t.Cleanup(func() {
		n.heal()
		proxy.Stop()
	})
	query.Del("host")
	query.Set("sslmode", "disable")
	parsed.Host, parsed.RawQuery = proxy.Listen, query.Encode()
	return n, parsed.String()
}

// harm adds what is wrong with the network, each as toxiproxy takes it.
func (n *network) harm(toxics ...string) {
	n.t.Helper()
	for _, toxic := range toxics {
		_, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
		require.NoError(n.t, err)
	}
}

// freeze makes all connections that there are carry nothing any more, as a firewall does that forgets them. New ones work.
func (n *network) freeze() { n.bridge.frozen.Store(n.bridge.accepted.Load()) }

func (n *network) heal() { n.proxy.Toxics.ResetToxics(n.t.Context()) }

// bridge is a TCP listener for a server that listens on a Unix socket, until the test ends.
type bridge struct {
	address string
	// accepted is the number of connections so far; those up to frozen carry nothing any more.
	accepted, frozen atomic.Int64
}

func newBridge(t *testing.T, socket string) *bridge {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var copies sync.WaitGroup
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		copies.Wait()
	})
	b := &bridge{address: listener.Addr().String()}
	copies.Go(func() {
		for {
			near, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			far, err := net.Dial("unix", socket)
			if err != nil {
				_ = near.Close()
				continue
			}
			number := b.accepted.Add(1)
			for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
				copies.Go(func() {
					// An end of either is the end of both.
					_, _ = io.Copy(freezing{to, b, number}, from)
					_, _ = near.Close(), far.Close()
				})
			}
		}
	})
	return b
}

// freezing writes until its connection is frozen: then nothing arrives, and no error is returned.
type freezing struct {
	io.Writer
	bridge *bridge
	number int64
}

func (f freezing) Write(p []byte) (int, error) {
	if f.number <= f.bridge.frozen.Load() {
		return len(p), nil
	}
	return f.Writer.Write(p)
}

// answer is what one post got.
type answer struct {
	event  string
	status int
	took   time.Duration
	err    error
}

// sendEvent posts an event of its own case.
func sendEvent(sender *http.Client, url string, ring *keyring.Ring, event string) answer {
	path := workflows.OffloadWebhookPath(event, ring.Token(workflows.OffloadTokenContext(event)...))
	// Of a size that a slow network takes some time for.
	body := fmt.Sprintf(`{"event_id":%q,"event_type":"case.completed","data":{"caseId":%q,"status":"COMPLETED","result":%q}}`, event, event, strings.Repeat("x", 4000))
	began := time.Now()
	response, err := sender.Post(url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return answer{event: event, err: err}
	}
	return answer{event, response.StatusCode, time.Since(began), response.Body.Close()}
}

// sendEvents posts events from several senders at a time.
func sendEvents(sender *http.Client, url string, ring *keyring.Ring, events []string) []answer {
	const senders = 8
	answers := make([]answer, len(events))
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := s; i < len(events); i += senders {
				answers[i] = sendEvent(sender, url, ring, events[i])
			}
		})
	}
	sending.Wait()
	return answers
}

func TestABadNetworkToTheDatabaseLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	const (
		count = 48
		// What a webhook of Offload may take to be stored, and what a busy machine adds.
		budget, slack = 8 * time.Second, 3 * time.Second
	)
	all, some, none := count, 1, 0
	for name, c := range map[string]struct {
		toxics []string
		// least and most are how many events are accepted while the network is bad.
		least, most int
		events      int
	}{
		"latency":                       {[]string{`{"type":"latency","stream":"upstream","attributes":{"latency":150,"jitter":100}}`, `{"type":"latency","attributes":{"latency":150,"jitter":100}}`}, all, all, count},
		"little bandwidth":              {[]string{`{"type":"bandwidth","stream":"upstream","attributes":{"rate":60}}`}, some, all, count},
		"half-open, no answer":          {[]string{`{"type":"timeout","attributes":{"timeout":0}}`}, none, none, 8},
		"half-open, no question":        {[]string{`{"type":"timeout","stream":"upstream","attributes":{"timeout":0}}`}, none, none, 8},
		"reset at once":                 {[]string{`{"type":"reset_peer","attributes":{"timeout":0}}`}, none, none, 8},
		"half of the connections reset": {[]string{`{"type":"reset_peer","toxicity":0.5,"attributes":{"timeout":0}}`}, some, all, count},
		// In the middle of some answer, which may be that to a commit.
		"each connection cut": {[]string{`{"type":"limit_data","attributes":{"bytes":2000}}`}, some, all, count},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := pgtest.Shared(t).Database(t)
			network, address := newNetwork(t, direct)
			settings, ring := receiver(t), newRing(t)
			settings.Inbox = address
			r := run(t, settings, config.Ingress, ring, client.Options{HostPort: nowhere})
			r.becomes(t, "inbox", true)
			sender := newPoster(t)
			sender.Timeout = 30 * time.Second
			name := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			first := sendEvent(sender, r.url, ring, name+"-before")
			require.NoError(t, first.err)
			require.Equal(t, 204, first.status)

			network.harm(c.toxics...)
			var events []string
			for i := range c.events {
				events = append(events, fmt.Sprintf("%s-%d", name, i))
			}
			accepted := map[string]bool{first.event: true}
			var refused []string
			for _, a := range sendEvents(sender, r.url, ring, events) {
				require.NoError(t, a.err)
				require.Contains(t, []int{204, 503}, a.status)
				require.Less(t, a.took, budget+slack)
				if a.status == 204 {
					accepted[a.event] = true
				} else {
					refused = append(refused, a.event)
				}
			}
			t.Logf("%d accepted, %d refused", len(accepted)-1, len(refused))
			require.GreaterOrEqual(t, len(accepted)-1, c.least)
			require.LessOrEqual(t, len(accepted)-1, c.most)
			require.Equal(t, stored(t, direct, accepted), len(accepted), "what was acknowledged is there")

			network.heal()
			r.becomes(t, "inbox", true)
			// Again what was refused, and all that was accepted: each may have been stored already.
			for _, a := range sendEvents(sender, r.url, ring, append(refused, name+"-after", first.event)) {
				require.NoError(t, a.err)
				require.Equal(t, 204, a.status, "it recovers without a restart")
				accepted[a.event] = true
			}
			require.Equal(t, c.events+2, stored(t, direct, accepted))
			require.Equal(t, c.events+2, len(accepted))
		})
	}
}

// stored counts the deliveries of events, and fails where one is stored twice.
func stored(t *testing.T, address string, events map[string]bool) (found int) {
	t.Helper()
	store, err := storage.OpenExisting(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	page, err := store.List(t.Context(), inbox.Filter{Limit: inbox.MaxPage})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	lanes := map[string]bool{}
	for _, d := range page.Deliveries {
		require.NotContains(t, lanes, d.Lane, "stored twice")
		lanes[d.Lane] = true
	}
	for event := range events {
		if lanes[workflows.OffloadCaseWorkflowID(event)] {
			found++
		}
	}
	return found
}

func TestConnectionsToTheDatabaseThatAreForgottenOnTheWayAreReplaced(t *testing.T) {
	t.Parallel()
	// The store gives a connection up after 5 s, so that a webhook of Offload is stored within its 8 s.
	const budget, slack = 8 * time.Second, 3 * time.Second
	direct := pgtest.Shared(t).Database(t)
	network, address := newNetwork(t, direct)
	settings, ring := receiver(t), newRing(t)
	settings.Inbox = address
	r := run(t, settings, config.Ingress, ring, client.Options{HostPort: nowhere})
	r.becomes(t, "inbox", true)
	sender := newPoster(t)
	sender.Timeout = 30 * time.Second
	accepted := map[string]bool{}
	accept := func(name string) {
		t.Helper()
		var events []string
		for i := range 24 {
			events = append(events, fmt.Sprintf("%s-%d", name, i))
		}
		for _, a := range sendEvents(sender, r.url, ring, events) {
			require.NoError(t, a.err)
			require.Equal(t, 204, a.status)
			accepted[a.event] = true
		}
	}
	accept("before")
	network.freeze()
	first := sendEvent(sender, r.url, ring, "first")
	require.NoError(t, first.err)
	require.Equal(t, 204, first.status, "it is stored by another connection within its budget")
	require.Less(t, first.took, budget+slack)
	accepted["first"] = true
	accept("after")
	require.Equal(t, len(accepted), stored(t, direct, accepted))
}
