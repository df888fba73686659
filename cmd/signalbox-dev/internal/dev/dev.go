// Package dev runs everything in one process: the real Temporal server with its Web UI, the provider simulators, and Signalbox as it runs in
// production. It is for development and for whole-system tests.
package dev

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Agent is the simulated agent's name.
const Agent = sim.Agent

// Options configure an Instance. Port 0 in an address picks a free port.
type Options struct {
	// Data is the folder of the instance. A missing folder is created.
	Data string
	// These are the addresses, host:port, of the public listener, the internal listener (empty for none), the frontend of Temporal, its Web UI
	// (empty for none) and the simulated providers.
	Listen, InternalListen, Temporal, UI, Simulators string
	// Pace is the pause before each step of the simulated providers. Default 1 s.
	Pace time.Duration
	// Trouble is which faults the simulated providers have from the start.
	Trouble sim.Trouble
	// Accounts are further Offload accounts, beside the simulator's, which is the default one.
	Accounts map[string]config.Account
	// Agents are further agents, beside the simulator's.
	Agents map[string]config.Agent
	// Callbacks are where notices can be posted, by name. One without secrets gets a secret from the folder: see Instance.Callbacks.
	Callbacks map[string]config.Callback
	// TokenFile has the tokens of the API, as for --internal-tokens. Without it, everyone on loopback has access.
	TokenFile string
	// EncryptPayloads encrypts Temporal's payloads with keys in the folder. If the folder already has such keys, payloads are always encrypted.
	EncryptPayloads bool
	// SharedSecret turns on the ingress's shared route for Offload. Empty: the route is off.
	SharedSecret string
	// DynamicConfig is passed to the Temporal server.
	DynamicConfig map[string]any
	Log           *zap.Logger
}

// Instance is a running development instance.
type Instance struct {
	// Temporal is a client of the embedded server; Apps is the business apps' client over it.
	Temporal client.Client
	Apps     *signalbox.Client
	// Simulators are the providers.
	Simulators *sim.Providers
	// Callbacks are those of the options, with their secrets.
	Callbacks map[string]config.Callback

	lock     *sql.DB
	temporal temporaldev.Options
	server   *temporaldev.Server
	ingress  string
	internal string
	stopRun  context.CancelFunc
	stopped  chan struct{}
	runError error
}

// Start returns when Temporal and the simulators are ready and the listeners are open; Signalbox itself may still be starting. If Start fails, it
// stops what it has started.
func Start(ctx context.Context, o Options) (_ *Instance, err error) {
	if err := o.Trouble.Check(); err != nil {
		return nil, err
	}
	data, ring, err := openFolder(o.Data)
	if err != nil {
		return nil, fmt.Errorf("%w: --data: %w", setting.ErrWrong, err)
	}
	in := &Instance{stopped: make(chan struct{}), stopRun: func() {}, Callbacks: withSecrets(o.Callbacks, ring)}
	if in.lock, err = data.lock(ctx, o.Data); err != nil {
		return nil, err
	}
	running := false
	defer func() {
		if err != nil {
			if !running {
				close(in.stopped)
			}
			err = errors.Join(err, in.Stop())
		}
	}()
	internalConfig := config.Internal{Listen: o.InternalListen}
	if o.TokenFile != "" {
		internalConfig.TokenFiles = []string{o.TokenFile}
		if internalConfig.Tokens, err = (config.Source{ReadFile: os.ReadFile}).ReadTokens(internalConfig.TokenFiles, nil); err != nil {
			return nil, err
		}
	}
	payloads, err := data.payloadKeys(o.EncryptPayloads)
	if err != nil {
		return nil, err
	}
	// Listen before anything starts: a taken address is then refused at once, and Temporal's Web UI needs the codec server's address.
	open, err := o.listen()
	if err != nil {
		return nil, err
	}
	defer func() {
		if !running {
			open.close() // nothing was served
		}
	}()
	in.ingress = "http://" + open.ingress.Addr().String()
	if open.internal != nil {
		in.internal = "http://" + open.internal.Addr().String()
	}
	dynamic := map[string]any{temporaldev.VisibilityRPS: temporaldev.ManyLists}
	maps.Copy(dynamic, o.DynamicConfig)
	in.temporal = temporaldev.Options{
		DatabaseFile:     data.temporal(),
		FrontendAddr:     o.Temporal,
		UIAddr:           o.UI,
		SearchAttributes: worker.SearchAttributes(),
		DynamicConfig:    dynamic,
		Logger:           o.Log.Named("temporal-server"),
	}
	if payloads != nil && in.internal != "" {
		in.temporal.UICodecEndpoint = in.internal + "/codec"
	}
	if err := in.StartTemporal(ctx); err != nil {
		return nil, err
	}
	options := client.Options{HostPort: in.server.FrontendAddr(), Namespace: in.server.Namespace(), Logger: logging.ForTemporal(o.Log)}
	dialling := options
	payloadcodec.New(payloads).Apply(&dialling)
	if in.Temporal, err = client.DialContext(ctx, dialling); err != nil {
		return nil, fmt.Errorf("temporal client: %w", err)
	}
	if in.Simulators, err = sim.Start(sim.Options{
		Listener: open.simulators, PublicURL: in.ingress, Folder: string(data), Pace: o.Pace, Trouble: o.Trouble,
		OffloadKey: secret(ring, offloadKey), AgentSecret: AgentSecret(ring), Sealer: ring,
	}); err != nil {
		return nil, fmt.Errorf("simulators: %w", err)
	}
	if in.Apps, err = signalbox.New(in.Temporal, signalbox.Options{Keyring: ring, PublicURL: in.ingress}); err != nil {
		return nil, err
	}
	var runContext context.Context
	runContext, in.stopRun = context.WithCancel(context.WithoutCancel(ctx))
	running = true
	go func() {
		defer close(in.stopped)
		in.runError = service.Run(runContext, service.Settings{
			Config:   in.config(o, internalConfig, data, ring),
			Parts:    config.Ingress | config.Worker,
			Keyring:  ring,
			Payloads: payloads,
			Temporal: options,
			Log:      o.Log,
			Listener: open.ingress, InternalListener: open.internal,
		})
	}()
	return in, nil
}

// listeners are opened before their servers start.
type listeners struct{ ingress, internal, simulators net.Listener }

func (o Options) listen() (open listeners, err error) {
	defer func() {
		if err != nil {
			open.close()
		}
	}()
	if open.ingress, err = setting.Listen("--listen", o.Listen); err != nil {
		return open, err
	}
	if o.InternalListen != "" {
		if open.internal, err = setting.Listen("--internal-listen", o.InternalListen); err != nil {
			return open, err
		}
	}
	open.simulators, err = setting.Listen("--simulators", o.Simulators)
	return open, err
}

// close ignores errors: one means that a listener is closed already.
func (l listeners) close() {
	for _, listener := range []net.Listener{l.ingress, l.internal, l.simulators} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

// config returns the settings that a production process would read.
func (in *Instance) config(o Options, internal config.Internal, data folder, ring *keyring.Ring) config.Config {
	accounts := map[string]config.Account{
		workflows.DefaultAccount: {BaseURL: in.Simulators.OffloadURL(), APIKey: secret(ring, offloadKey)},
	}
	maps.Copy(accounts, o.Accounts)
	var shared []string
	if o.SharedSecret != "" {
		shared = []string{o.SharedSecret}
	}
	agents := map[string]config.Agent{Agent: {Secrets: []string{AgentSecret(ring)}}}
	maps.Copy(agents, o.Agents)
	internal.WebUIURL = in.UIURL()
	internal.CodecOrigins = uiOrigins(in.UIURL())
	return config.Config{
		// DrainDelay is 0, because there is no load balancer.
		Internal:      internal,
		PublicURL:     in.ingress,
		Inbox:         data.inbox(),
		SharedSecrets: shared,
		Bucket:        data.files(),
		// The simulator's downloads are on this machine and unencrypted.
		DownloadAllowPrivate: true,
		DownloadAllowHTTP:    true,
		Accounts:             accounts,
		Agents:               agents,
		Callbacks:            in.Callbacks,
	}
}

// uiOrigins are the origins by which a browser on this machine reaches the Web UI.
func uiOrigins(ui string) []string {
	address, err := url.Parse(ui)
	if err != nil || ui == "" {
		return nil
	}
	return []string{ui, "http://localhost:" + address.Port()}
}

// StartTemporal starts the Temporal server. After StopTemporal, it uses the same frontend address again.
func (in *Instance) StartTemporal(ctx context.Context) error {
	server, err := temporaldev.Start(ctx, in.temporal)
	if err != nil {
		return fmt.Errorf("temporal server: %w", err)
	}
	in.server = server
	in.temporal.FrontendAddr = server.FrontendAddr()
	return nil
}

// StopTemporal stops the Temporal server and leaves everything else running.
func (in *Instance) StopTemporal() error { return in.server.Stop() }

// IngressURL is the base URL to which providers post webhooks.
func (in *Instance) IngressURL() string { return in.ingress }

// InternalURL is the base URL of the internal listener, or empty if there is none.
func (in *Instance) InternalURL() string { return in.internal }

// UIURL is the Web UI's base URL, or empty if there is none.
func (in *Instance) UIURL() string { return in.server.UIURL() }

// TemporalAddress is the frontend's host:port.
func (in *Instance) TemporalAddress() string { return in.server.FrontendAddr() }

// Done is closed when Signalbox itself has ended, by an error or by Stop.
func (in *Instance) Done() <-chan struct{} { return in.stopped }

// Stop stops the simulators, then Signalbox, then Temporal. It returns all errors, also the one with which Signalbox ended.
func (in *Instance) Stop() error {
	var problems []error
	if in.Simulators != nil {
		problems = append(problems, in.Simulators.Stop())
	}
	in.stopRun()
	<-in.stopped
	problems = append(problems, in.runError)
	if in.Temporal != nil {
		in.Temporal.Close()
	}
	if in.server != nil {
		problems = append(problems, in.server.Stop())
	}
	problems = append(problems, in.lock.Close())
	return errors.Join(problems...)
}
