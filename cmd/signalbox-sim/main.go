// Command signalbox-sim runs simulators of both providers, Offload and Artmail, and nothing else: for those who have a Temporal server and
// want to try `signalbox serve` against it. It prints the settings that Signalbox needs and the commands that start a first case; `--help`
// says how a person drives the simulators with curl.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/interrupt"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
)

func main() {
	ctx, _ := interrupt.Context(context.Background(), nil)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const defaultListen = "127.0.0.1:8090"

// options are the command line's.
type options struct {
	listen, publicURL, state string
	pace                     time.Duration
	trouble                  sim.Trouble
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var o options
	command := &cobra.Command{
		Use:   "signalbox-sim",
		Short: "Simulators of Offload and Artmail, to try Signalbox beside your own Temporal",
		Long: `Simulators of Offload and Artmail, to try Signalbox beside your own Temporal. They print the settings that "signalbox serve" needs, and the
commands that start a first case.

` + sim.Help("http://"+defaultListen),
		Args:    setting.NoArgs,
		Version: buildinfo.Version(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), out) },
	}
	flags := command.Flags()
	flags.StringVar(&o.listen, "listen", defaultListen, "where both providers listen; the controls ask for no key, so keep it on loopback")
	flags.StringVar(&o.publicURL, "public-url", "http://127.0.0.1:8080", "Signalbox's public URL, where Artmail's webhooks go")
	flags.StringVar(&o.state, "state", ".signalbox-sim", "folder that keeps cases, activations and secrets; empty: nothing is kept")
	flags.DurationVar(&o.pace, "pace", time.Second, "pause before each step of a scripted case")
	o.trouble.Flags(flags)
	return setting.Run(ctx, command, args, out, errOut)
}

func (o options) run(ctx context.Context, out io.Writer) (err error) {
	public, err := url.Parse(o.publicURL)
	if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" {
		return fmt.Errorf("%w: --public-url: %q: want an absolute http or https URL, such as http://127.0.0.1:8080", setting.ErrWrong, o.publicURL)
	}
	secrets, err := openSecrets(o.state)
	if err != nil {
		return fmt.Errorf("%w: --state: %w", setting.ErrWrong, err)
	}
	providers, err := sim.Start(sim.Options{
		Listen: o.listen, PublicURL: o.publicURL, Folder: o.state, Pace: o.pace, Trouble: o.trouble,
		OffloadKey: secrets.OffloadKey, AgentSecret: secrets.AgentSecret,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, providers.Stop()) }()
	if err := writeGuide(out, guide{
		Providers: providers, PublicURL: o.publicURL, Listen: listenAddress(public),
		secrets: secrets,
		State:   cmp.Or(o.state, "(not kept)"), Reference: "try-" + time.Now().UTC().Format("20060102-150405"), //nolint:forbidigo // a new case for each start
	}); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	<-ctx.Done()
	return nil
}

// listenAddress is where `signalbox serve` listens: at its public URL where that is on loopback, else behind a proxy.
func listenAddress(public *url.URL) string {
	ip := net.ParseIP(public.Hostname())
	if loopback := strings.EqualFold(public.Hostname(), "localhost") || ip.IsLoopback(); loopback && public.Port() != "" {
		return public.Host
	}
	return ":8080"
}
