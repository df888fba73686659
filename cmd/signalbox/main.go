// Command signalbox is the production binary: `serve`, `ingress` and `worker` run the parts of Signalbox; the other commands are for people. It
// contains no rules of providers or workflows.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/interrupt"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/internal/temporalconn"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func main() {
	configDir, err := os.UserConfigDir()
	if err != nil {
		configDir = "" // without a home there is no default profile file
	}
	p := process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stdin.Fd())),
		outTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		settings:    config.Source{Environ: os.Environ(), ReadFile: os.ReadFile},
		temporal:    temporalconn.Source{Environ: os.Environ(), ReadFile: os.ReadFile, ConfigDir: configDir},
		now:         time.Now, //nolint:forbidigo // main is where the clock comes from
		editing:     new(atomic.Bool),

		completionTime: 2 * time.Second, // the person is waiting in the shell
		dialTemporal:   client.DialContext,
		openInbox:      storage.OpenExisting,
	}
	ctx, _ := p.untilSignal(context.Background())
	os.Exit(p.run(ctx, os.Args[1:]))
}

// untilSignal returns a context that ends at a signal. While the editor runs, SIGINT is left to the editor.
func (p process) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return interrupt.Context(ctx, func(received os.Signal) bool { return received == os.Interrupt && p.editing.Load() })
}

// process holds everything that a command uses from outside: streams, settings, clock and connections. Tests replace them.
type process struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // in is a terminal, with a person before it
	// outTerminal: out is a terminal, whose width limits a line.
	outTerminal bool
	settings    config.Source
	temporal    temporalconn.Source
	now         func() time.Time
	editing     *atomic.Bool // an editor runs
	// completionTime bounds a completion in the shell.
	completionTime time.Duration
	// dialTemporal connects now or fails.
	dialTemporal func(context.Context, client.Options) (client.Client, error)
	// openInbox opens an inbox; it fails with storage.ErrNone if the inbox does not exist.
	openInbox func(ctx context.Context, where string) (inbox.Store, error)
}

// run carries out a command line and returns the exit status.
func (p process) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	command, err := root.ExecuteContextC(ctx)
	if err != nil {
		says := mistake(command, err)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			says = "interrupted"
		}
		// A failed write to standard error can't be reported.
		_, _ = fmt.Fprintf(p.err, "signalbox: %s\n", printable(says))
		if line, ok := errors.AsType[*commandLineError](err); ok {
			_, _ = fmt.Fprintf(p.err, "see `%s --help`\n", line.command.CommandPath())
		}
	}
	return exitStatus(err)
}

func (p process) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "signalbox",
		Short: "The dependable link between webhook-driven providers and long-running Temporal workflows",
		Long: `The dependable link between webhook-driven providers and long-running Temporal workflows.

Every setting of a process is also a variable: --public-url is SIGNALBOX_PUBLIC_URL. Secrets are variables or files only. Temporal is reached
as its own tools reach it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, or a profile. Commands that have --api
(SIGNALBOX_API) work over the HTTP API as well, with the token of SIGNALBOX_API_TOKEN or of the file SIGNALBOX_API_TOKEN_FILE.

Times are shown as seen from now; --json has them exactly. "signalbox completion --help" says how a shell completes commands and references.

Exit status: ` + exitStatuses,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		Version:       buildinfo.Version(),
	}
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return &commandLineError{command, setting.WithSimilarFlags(command, err)}
	})
	root.AddCommand(p.serve(), p.ingress(), p.worker(), p.setup(), p.keys(), p.webhook(), p.cases(),
		p.activation(), p.approval(), p.runs(), p.toDo(), p.notice(), p.catchUp(), p.inbox(), p.doctor(), p.ready())
	markUsage(root)
	return root
}

// commandLineError is the error of a wrong command line. Where its command has help is printed after it.
type commandLineError struct {
	command *cobra.Command
	err     error
}

func (e *commandLineError) Error() string   { return e.err.Error() }
func (e *commandLineError) Unwrap() []error { return []error{errUsage, e.err} }

// markUsage makes errors about arguments and required flags commandLineErrors.
func markUsage(command *cobra.Command) {
	validate := command.Args
	command.Args = func(cmd *cobra.Command, args []string) error {
		err := validate(cmd, args)
		if err != nil {
			err = argumentError(cmd, args, err)
		} else {
			err = cmd.ValidateRequiredFlags()
		}
		if err != nil {
			return &commandLineError{cmd, err}
		}
		return nil
	}
	if !command.Runnable() {
		// Otherwise cobra would print the help for an unknown command, without an error.
		command.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range command.Commands() {
		markUsage(sub)
	}
}
