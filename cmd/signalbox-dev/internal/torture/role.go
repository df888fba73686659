package torture

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// role is what a process is there for.
type role string

const (
	// rolePostgres is PostgreSQL's own program; the others are this one.
	rolePostgres role = "postgres"
	roleTemporal role = "temporal"
	roleIngress  role = "ingress"
	roleWorker   role = "worker"
)

// roles are all that a run has, in the order in which they are started.
func (o Options) roles() []role {
	always := []role{roleTemporal, roleIngress, roleWorker}
	if o.Inbox == inboxPostgres {
		return append([]role{rolePostgres}, always...)
	}
	return always
}

// play is what a role does until ctx ends. Tests replace one to prove that what it then does wrong is found.
var play = map[role]func(context.Context, part) error{
	roleTemporal: playTemporal,
	roleIngress: func(ctx context.Context, p part) error {
		return service.Run(ctx, p.service(config.Ingress))
	},
	roleWorker: func(ctx context.Context, p part) error {
		return service.Run(ctx, p.service(config.Worker))
	},
}

// part is what a child process knows.
type part struct {
	folder string
	world  settings
	keys   *keyring.Ring
	// payloads are nil where nothing is encrypted.
	payloads *keyring.Ring
	log      *zap.Logger
}

// processCommand is how this binary runs itself in a role. It is of no use to people.
func processCommand() *cobra.Command {
	var folder string
	command := &cobra.Command{
		Use:    argument + " ROLE",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, known := play[role(args[0])]
			if !known {
				return fmt.Errorf("no such role: %q", args[0])
			}
			p, err := newPart(folder, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				// The input ends when the parent ends: the parent never writes to it.
				_, _ = io.Copy(io.Discard, os.Stdin)
				cancel()
			}()
			return run(ctx, p)
		},
	}
	command.Flags().StringVar(&folder, "folder", "", "folder of the run")
	return command
}

func newPart(folder string, log io.Writer) (part, error) {
	p := part{folder: folder}
	var err error
	if p.log, err = logging.New(log, "warn", "json"); err != nil {
		return part{}, err
	}
	if p.keys, err = keyring.LoadOrCreate(filepath.Join(folder, keyringFile)); err != nil {
		return part{}, err
	}
	if p.world, err = readSettings(folder); err != nil {
		return part{}, err
	}
	p.payloads, err = p.world.payloadKeys(folder)
	return p, err
}

func playTemporal(ctx context.Context, p part) error {
	server, err := temporaldev.Start(ctx, temporaldev.Options{
		DatabaseFile:     filepath.Join(p.folder, "temporal.db"),
		FrontendAddr:     p.world.TemporalServer,
		SearchAttributes: worker.SearchAttributes(),
		// The server rounds retry delays up to about a second; a run has many of them.
		DynamicConfig: map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond},
		Logger:        p.log,
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return server.Stop()
}

// service is what a production process would have read from its flags and variables.
func (p part) service(parts config.Part) service.Settings {
	temporal := client.Options{HostPort: p.world.Temporal, Namespace: namespace}
	if p.world.Attempt > 0 {
		temporal.Interceptors = []interceptor.ClientInterceptor{&shortAttempts{attempt: p.world.Attempt}}
	}
	var internal config.Internal
	if parts&config.Ingress != 0 {
		internal.Listen = p.world.Internal
	}
	return service.Settings{
		Config: config.Config{
			Listen:    p.world.Ingress,
			Internal:  internal,
			PublicURL: p.world.ingressURL(),
			Inbox:     p.world.Inbox,
			Accounts:  map[string]config.Account{account: {BaseURL: p.world.offloadURL(), APIKey: p.world.OffloadKey}},
			Agents:    map[string]config.Agent{agent: {Secrets: []string{p.world.AgentSecret}}},
		},
		Parts:    parts,
		Keyring:  p.keys,
		Payloads: p.payloads,
		Temporal: temporal,
		Log:      p.log,
	}
}

// shortAttempts shortens the attempt timeout of activities, which decides when Temporal repeats the call of a killed worker: by default a minute, most
// of a short run. It must exceed the longest pause of a worker.
type shortAttempts struct {
	interceptor.InterceptorBase
	attempt time.Duration
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (h *shortAttempts) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &shortAttemptsInbound{attempt: h.attempt}
	i.Next = next
	return i
}

type shortAttemptsInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	attempt time.Duration
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *shortAttemptsInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	o := &shortAttemptsOutbound{attempt: i.attempt}
	o.Next = outbound
	return i.Next.Init(o)
}

type shortAttemptsOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	attempt time.Duration
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *shortAttemptsOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return o.Next.ExecuteActivity(workflow.WithStartToCloseTimeout(ctx, o.attempt), activityType, args...)
}
