package dev_test

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// split is a Signalbox whose parts are separate services, each with its own metrics: an ingress, and no worker until the test runs one.
type split struct {
	temporal *temporaldev.Server
	client   client.Client
	folder   string
	keys     *keyring.Ring
	// public is where providers reach the ingress, ingress the URL of its internal listener.
	public, ingress string
	providers       *sim.Providers
	apps            *signalbox.Client
}

const splitKey, splitSecret = "offload-key", "agent-secret"

func startSplit(t *testing.T) *split {
	t.Helper()
	s := &split{folder: t.TempDir()}
	var err error
	s.temporal, err = temporaldev.Start(t.Context(), temporaldev.Options{SearchAttributes: worker.SearchAttributes()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.temporal.Stop()) })
	s.client, err = s.temporal.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	s.keys, err = keyring.LoadOrCreate(s.keyring())
	require.NoError(t, err)
	listener, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	s.public = "http://" + listener.Addr().String()
	s.providers, err = sim.Start(sim.Options{
		Listen: anyPort, PublicURL: s.public, Pace: 20 * time.Millisecond, OffloadKey: splitKey, AgentSecret: splitSecret,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.providers.Stop()) })
	go stories.ResendAll(t.Context(), s.providers.Offload)
	s.apps, err = signalbox.New(s.client, signalbox.Options{Keyring: s.keys, PublicURL: s.public})
	require.NoError(t, err)
	s.ingress = s.run(t, config.Ingress, listener)
	testenv.Eventually(t, func(ctx context.Context) (bool, error) {
		seen, err := scrape(ctx, s.ingress)
		return seen["signalbox_relay_events_total"] != nil, err
	}, func(relayStarted bool) bool { return relayStarted })
	return s
}

func (s *split) keyring() string { return filepath.Join(s.folder, "keyring.json") }

// run runs a service of some parts until the test ends, and returns the URL of its internal listener.
func (s *split) run(t *testing.T, parts config.Part, listener net.Listener) string {
	t.Helper()
	internal, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, service.Settings{
			Config: config.Config{
				PublicURL: s.public, Inbox: filepath.Join(s.folder, "inbox.db"), MaxBody: 1 << 20, UnmatchedGrace: time.Minute, Drain: 10 * time.Second,
				Bucket: "file://" + s.folder, DownloadAllowPrivate: true, DownloadAllowHTTP: true,
				Accounts: map[string]config.Account{workflows.DefaultAccount: {BaseURL: s.providers.OffloadURL(), APIKey: splitKey}},
				Agents:   map[string]config.Agent{sim.Agent: {Secrets: []string{splitSecret}}},
			},
			Parts: parts, Keyring: s.keys, Temporal: client.Options{HostPort: s.temporal.FrontendAddr(), Namespace: s.temporal.Namespace()},
			Log: zap.NewNop(), Listener: listener, InternalListener: internal,
		})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return "http://" + internal.Addr().String()
}

// scrape is what /metrics of a process shows, by name.
func scrape(ctx context.Context, process string) (map[string]*dto.MetricFamily, error) {
	text, err := fetch(ctx, process+"/metrics")
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(text))
}
