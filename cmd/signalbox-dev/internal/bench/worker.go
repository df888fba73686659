package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// workerArgument is the name of the hidden command by which this binary runs itself as a worker.
const workerArgument = "worker"

// workerSettings are the flags of that command.
type workerSettings struct {
	Temporal, Offload, OffloadKey, PublicURL, Keyring string
	// Cache is how many workflows the worker keeps in memory.
	Cache int
}

// workerCommand runs the production worker. To each line of its input it answers with the bytes that it then uses; when the input ends, it stops.
func workerCommand() *cobra.Command {
	var w workerSettings
	command := &cobra.Command{
		Use:    workerArgument,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				defer cancel() // the parent has ended, or wants this process to end
				for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), usedMemory()); err != nil {
						return
					}
				}
			}()
			return w.run(ctx, cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&w.Temporal, "temporal", "", "address of the Temporal server")
	flags.StringVar(&w.Offload, "offload", "", "base URL of Offload")
	flags.StringVar(&w.OffloadKey, "offload-key", "", "API key for Offload")
	flags.StringVar(&w.PublicURL, "public-url", "", "where Offload reaches the ingress")
	flags.StringVar(&w.Keyring, "keyring", "", "key document")
	flags.IntVar(&w.Cache, "cache", 0, "workflows in memory")
	return command
}

func (w workerSettings) arguments() []string {
	return []string{
		"--temporal", w.Temporal, "--offload", w.Offload, "--offload-key", w.OffloadKey, "--public-url", w.PublicURL, "--keyring", w.Keyring,
		"--cache", strconv.Itoa(w.Cache),
	}
}

func (w workerSettings) run(ctx context.Context, log io.Writer) error {
	keys, err := keyring.LoadOrCreate(w.Keyring)
	if err != nil {
		return err
	}
	logger, err := logging.New(log, "error", "console")
	if err != nil {
		return err
	}
	return service.Run(ctx, service.Settings{
		Config: config.Config{
			PublicURL: w.PublicURL, WorkflowCache: w.Cache,
			Accounts: map[string]config.Account{workflows.DefaultAccount: {BaseURL: w.Offload, APIKey: w.OffloadKey}},
		},
		Parts: config.Worker, Keyring: keys, Temporal: client.Options{HostPort: w.Temporal, Namespace: "default"}, Log: logger,
	})
}

// usedMemory returns the bytes of live objects and of stacks. Workflows in memory use both.
func usedMemory() uint64 {
	// What has a finalizer or a cleanup goes with the second collection.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}

// workerProcess is a worker as its parent sees it.
type workerProcess struct {
	command *exec.Cmd
	asks    io.WriteCloser
	answers *bufio.Reader
}

func startWorker(settings workerSettings) (*workerProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &workerProcess{command: exec.Command(self, append([]string{commandName, workerArgument}, settings.arguments()...)...)}
	p.command.Stderr = os.Stderr
	var output io.ReadCloser
	if p.asks, err = p.command.StdinPipe(); err == nil {
		output, err = p.command.StdoutPipe()
	}
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	p.answers = bufio.NewReader(output)
	return p, nil
}

// memory is what the worker uses, in MiB.
func (p *workerProcess) memory() (float64, error) {
	const mebibyte = 1 << 20
	_, err := fmt.Fprintln(p.asks)
	var line string
	if err == nil {
		line, err = p.answers.ReadString('\n')
	}
	used, invalid := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	if err = errors.Join(err, invalid); err != nil {
		return 0, fmt.Errorf("ask the worker for its memory: %w", err)
	}
	return float64(used) / mebibyte, nil
}

// stop ends the worker and kills it if it does not end in time.
func (p *workerProcess) stop() error {
	late := time.AfterFunc(worker.StopTimeout+5*time.Second, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	_ = p.asks.Close() // Wait says how the process ended
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("stop the worker: %w", err)
	}
	return nil
}
