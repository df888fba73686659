// Command signalbox-dev runs everything in one process on one machine, without a network: the real Temporal server and its Web UI, simulators
// of both providers, the ingress and the workers. With --demo it also plays a demonstration and prints each step.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
	"github.com/signalbox-dev/signalbox/cmd/internal/interrupt"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/bench"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/demo"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/torture"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func main() {
	ctx, _ := interrupt.Context(context.Background(), nil)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the values of the flags.
type options struct {
	dev.Options
	callbacks           []string
	demo, exit          bool
	logLevel, logFormat string
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var o options
	command := &cobra.Command{
		Use:     "signalbox-dev",
		Short:   "Temporal, its Web UI, both providers (simulated), ingress and workers in one process",
		Args:    setting.NoArgs,
		Version: buildinfo.Version(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), out, errOut) },
	}
	flags := command.Flags()
	flags.StringVar(&o.Data, "data", ".signalbox", "folder for all data; a start with the same folder continues where the last one stopped")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of the ingress")
	flags.StringVar(&o.InternalListen, "internal-listen", "127.0.0.1:8081", "address of the page, the API, health and metrics, on loopback; empty: none")
	flags.StringVar(&o.Temporal, "temporal", "127.0.0.1:7233", "address of the Temporal server")
	flags.StringVar(&o.UI, "ui", "127.0.0.1:8233", "address of the Temporal Web UI; empty: none")
	flags.StringVar(&o.Simulators, "simulators", "127.0.0.1:8090", "address of the provider simulators")
	flags.DurationVar(&o.Pace, "pace", time.Second, "pause before each step of a simulated provider")
	o.Trouble.Flags(flags)
	flags.StringArrayVar(&o.callbacks, "callback", nil, "a receiver of notices, NAME=URL, such as finance=http://127.0.0.1:8099; a case or approval names it in notify; its secret is printed; repeatable")
	flags.BoolVar(&o.EncryptPayloads, "encrypt-payloads", false, "encrypt the payloads that Temporal stores, with keys in the data folder; later starts with this folder encrypt too; the Web UI decrypts through the codec server of --internal-listen")
	flags.BoolVar(&o.demo, "demo", false, "play the demonstration; without --exit a question is then left open on the page, for you to answer")
	flags.BoolVar(&o.exit, "exit", false, "end after the demonstration, with status 0 only if everything ended as it should")
	flags.StringVar(&o.logLevel, "log-level", "warn", "debug, info, warn or error")
	flags.StringVar(&o.logFormat, "log-format", "console", "console or json")
	command.AddCommand(bench.Command(), torture.Command())
	return setting.Run(ctx, command, args, out, errOut)
}

func (o options) run(ctx context.Context, out, errOut io.Writer) (err error) {
	if o.exit && !o.demo {
		return fmt.Errorf("%w: --exit ends after the demonstration: it needs --demo", setting.ErrWrong)
	}
	if o.InternalListen != "" && !internalhttp.IsLoopback(o.InternalListen) {
		return fmt.Errorf("%w: --internal-listen: signalbox-dev has neither tokens nor TLS: want a loopback address, such as 127.0.0.1:8081", setting.ErrWrong)
	}
	if o.Callbacks, err = readCallbacks(o.callbacks); err != nil {
		return fmt.Errorf("%w: --callback: %w", setting.ErrWrong, err)
	}
	if o.Log, err = logging.New(errOut, o.logLevel, o.logFormat); err != nil {
		return fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	running, end := context.WithCancel(ctx)
	defer end()
	o.Log = quietAfter(running, o.Log)
	instance, err := dev.Start(ctx, o.Options)
	if ctx.Err() != nil && instance == nil {
		if o.exit {
			return errors.Join(demo.ErrStopped, sayStopped(out, o.Data))
		}
		return sayStopped(out, o.Data)
	}
	if err != nil {
		return err
	}
	defer func() {
		end()
		err = errors.Join(err, instance.Stop(), sayStopped(out, o.Data))
	}()
	if err := say(out, instance, o.Data); err != nil {
		return err
	}
	var question *signalbox.Case
	if o.demo {
		err := demo.Play(ctx, instance, out)
		if o.exit {
			return err
		}
		if err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(out, "\nThe demonstration did not end as it should: %v\n", err)
		}
		if question, err = demo.LeaveQuestion(ctx, instance, out); err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(out, "\nNo question is left open: %v\n", err)
		}
		if ctx.Err() != nil {
			_, _ = fmt.Fprintln(out, "\nStopped before the demonstration ended; running workflows continue at the next start.")
			return nil
		}
	} else {
		_, _ = fmt.Fprintln(out, "\nStart it with --demo, and a case asks you a question on the page.")
	}
	_, _ = fmt.Fprintln(out, "\nRunning. Ctrl-C stops it.")
	go func() { <-instance.Done(); end() }()
	if question != nil {
		demo.SayEnd(running, question, out)
	}
	<-running.Done()
	return nil
}

// quietAfter returns a logger that logs nothing up to level error after the context ends, unless its level is debug: a stopping Temporal server
// and its clients report the stop as errors. Instance.Stop returns the errors that matter.
func quietAfter(running context.Context, log *zap.Logger) *zap.Logger {
	core := log.Core()
	return log.WithOptions(zap.IncreaseLevel(zap.LevelEnablerFunc(func(level zapcore.Level) bool {
		return core.Enabled(level) && (running.Err() == nil || level > zap.ErrorLevel || core.Enabled(zap.DebugLevel))
	})))
}

// readCallbacks reads NAME=URL. Receivers of a development instance may be unencrypted and at private addresses.
func readCallbacks(texts []string) (map[string]config.Callback, error) {
	callbacks := map[string]config.Callback{}
	for _, text := range texts {
		const want = "want NAME=URL, as in finance=http://127.0.0.1:8099"
		name, address, found := strings.Cut(text, "=")
		if !found {
			return nil, errors.New(want)
		}
		one := config.Callback{URL: address, AllowPrivate: true, AllowHTTP: true}
		if err := workflows.ValidateNotify([]string{name}); err != nil {
			return nil, fmt.Errorf("%s: %w", want, err)
		}
		if problem := one.URLProblem(); problem != "" {
			return nil, fmt.Errorf("the URL of %s: %s", name, problem)
		}
		callbacks[name] = one
	}
	return callbacks, nil
}

func say(out io.Writer, in *dev.Instance, data string) error {
	ui := cmp.Or(in.UIURL(), "(none)")
	page := "(none)"
	if in.InternalURL() != "" {
		page = in.InternalURL() + "/"
	}
	_, err := fmt.Fprintf(out, `Signalbox for development

  open first     %s  (the page: to-do list, cases, deliveries)

  ingress        %s
  internal       %s  (/v1, /readyz, /metrics)
  Temporal UI    %s
  Temporal       %s
  simulators     %s  (open it to see how to control them)
  data           %s
`, page, in.IngressURL(), cmp.Or(in.InternalURL(), "(none)"), ui, in.TemporalAddress(), in.Simulators.URL(), data)
	for _, name := range slices.Sorted(maps.Keys(in.Callbacks)) {
		if err == nil {
			one := in.Callbacks[name]
			_, err = fmt.Fprintf(out, "  callback       %s, %s, signed by the secret %s\n", name, one.URL, one.Secrets[0])
		}
	}
	if err == nil && in.UIURL() != "" {
		_, err = fmt.Fprint(out, "\nIn the Temporal UI\n\n")
	}
	for _, view := range in.Views() {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %-14s %s\n", view.Name, view.URL)
		}
	}
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func sayStopped(out io.Writer, data string) error {
	if _, err := fmt.Fprintf(out, "\nStopped; data in %s\n", data); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
