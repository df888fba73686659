package dev_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/badnetwork"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// linked is a part of Signalbox with its own network to Temporal.
type linked struct {
	network       *badnetwork.Network
	url, internal string
	ended         chan struct{}
}

func startLinked(t *testing.T, parts config.Part, temporal string, ring *keyring.Ring) *linked {
	t.Helper()
	network, err := badnetwork.New("127.0.0.1:0", temporal)
	require.NoError(t, err)
	l := &linked{network: network, ended: make(chan struct{})}
	listen := func() (net.Listener, string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return listener, "http://" + listener.Addr().String()
	}
	settings := service.Settings{
		Config: config.Config{
			MaxBody: 1 << 20, Drain: 10 * time.Second, UnmatchedGrace: time.Minute,
			Agents:    map[string]config.Agent{linkedAgent: {Secrets: []string{linkedSecret}}},
			Accounts:  map[string]config.Account{workflows.DefaultAccount: {BaseURL: "http://127.0.0.1:1", APIKey: "key"}},
			PublicURL: "http://127.0.0.1:1", Inbox: filepath.Join(t.TempDir(), "inbox.db"),
		},
		Parts: parts, Keyring: ring, Temporal: client.Options{HostPort: network.Address(), Namespace: "default"}, Log: zap.NewNop(),
	}
	settings.InternalListener, l.internal = listen()
	settings.Config.Internal.Listen = settings.InternalListener.Addr().String()
	if parts&config.Ingress != 0 {
		settings.Listener, l.url = listen()
	}
	ctx, stop := context.WithCancel(context.Background())
	var failed error
	go func() {
		defer close(l.ended)
		failed = service.Run(ctx, settings)
	}()
	t.Cleanup(func() {
		stop()
		<-l.ended
		require.NoError(t, failed)
		require.NoError(t, network.Close())
	})
	return l
}

const linkedAgent, linkedSecret = "linked", "secret-of-the-linked-agent"

// reaches returns once the process's own check of Temporal says so.
func (l *linked) reaches(t *testing.T, ok bool) {
	t.Helper()
	testenv.Eventually(t, func(ctx context.Context) (health.State, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.internal+"/readyz", nil)
		require.NoError(t, err)
		response, err := providers.Do(request)
		if err != nil {
			return health.State{}, err
		}
		defer func() { _ = response.Body.Close() }()
		var told struct{ Checks []health.State }
		if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
			return health.State{}, err
		}
		for _, c := range told.Checks {
			if c.Name == "temporal" {
				return c, nil
			}
		}
		return health.State{}, fmt.Errorf("no check of Temporal")
	}, func(s health.State) bool { return s.OK == ok })
}

// Both processes go on after each of them, in this order: nothing is started again.
func TestABadNetworkToTemporalLosesNothing(t *testing.T) {
	t.Parallel()
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{
		SearchAttributes: worker.SearchAttributes(), DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	keys, err := keyring.Generate()
	require.NoError(t, err)
	relay := startLinked(t, config.Ingress, server.FrontendAddr(), keys)
	works := startLinked(t, config.Worker, server.FrontendAddr(), keys)
	direct, err := client.NewLazyClient(client.Options{HostPort: server.FrontendAddr(), Namespace: "default", Logger: logging.ForTemporal(zap.NewNop())})
	require.NoError(t, err)
	t.Cleanup(direct.Close)
	apps, err := signalbox.New(direct, signalbox.Options{})
	require.NoError(t, err)
	for _, one := range []*linked{relay, works} {
		one.reaches(t, true)
	}

	const activations, eventsEach = 4, 6
	for _, c := range []struct {
		name   string
		toxics []string
		// away: Temporal is not reached meanwhile, and readiness says so.
		away bool
	}{
		{"latency", []string{badnetwork.SlowRequests, badnetwork.SlowResponses}, false},
		{"little bandwidth", []string{badnetwork.LowBandwidth}, false},
		{"half-open, no response", []string{badnetwork.NoResponses}, true},
		{"half-open, no request", []string{badnetwork.NoRequests}, true},
		{"reset at once", []string{badnetwork.Resets}, true},
		{"half of the connections reset", []string{badnetwork.HalfReset}, false},
		{"each connection cut", []string{badnetwork.Cuts}, false},
		{"forgotten on the way", nil, false},
	} {
		both := []*linked{relay, works}
		for _, one := range both {
			if c.toxics == nil {
				one.network.Freeze()
			}
			require.NoError(t, one.network.Harm(c.toxics...), c.name)
		}
		name := func(n int) string { return fmt.Sprintf("%s-%d", c.name, n) }
		statuses := sendActivations(activations, eventsEach, name, func(event string) int {
			mac := hmac.New(sha256.New, []byte(linkedSecret))
			mac.Write([]byte(event))
			return post(t, relay.url+"/webhooks/artmail/"+linkedAgent, event, "X-Artmail-Signature", hex.EncodeToString(mac.Sum(nil)))
		})
		for _, status := range statuses {
			require.Equal(t, http.StatusNoContent, status, "%s: acknowledged whatever the network to Temporal is like", c.name)
		}
		for _, one := range both {
			if c.away {
				one.reaches(t, false)
			}
			one.network.Heal(t.Context())
		}
		for a := range activations {
			state := testenv.Eventually(t, apps.Activation(linkedAgent, name(a)).State,
				func(s workflows.ActivationState) bool { return s.EventsApplied >= eventsEach })
			// A signal whose answer got lost is sent again, and counted apart.
			require.Equal(t, eventsEach, state.EventsApplied, c.name)
			require.Equal(t, workflows.ActivationPaused, state.Status, c.name)
		}
		for _, one := range both {
			one.reaches(t, true)
			select {
			case <-one.ended:
				require.FailNow(t, "a process has ended", c.name)
			default:
			}
		}
	}
}
