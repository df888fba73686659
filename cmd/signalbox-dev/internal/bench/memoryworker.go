package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	sdk "go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// workerCommand is the name of the hidden command by which this binary runs itself as the worker.
const workerCommand = "worker"

// workerProcess is the production worker in a process of its own, so that nothing but the worker is in its memory.
type workerProcess struct {
	command *exec.Cmd
	// ask is answered with a reading for each line; its end is the worker's.
	ask     io.WriteCloser
	answers *json.Decoder
	said    bytes.Buffer
	// exited is closed when the process has ended; exitError, set before that, says how.
	exited    chan struct{}
	exitError error
}

func startWorker(ctx context.Context, folder string, temporal *temporaldev.Server, offload string, cached int) (*workerProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	w := &workerProcess{exited: make(chan struct{})}
	w.command = exec.CommandContext(ctx, self, "bench", workerCommand,
		"--keyring", filepath.Join(folder, "keys.json"), "--temporal", temporal.FrontendAddr(), "--namespace", temporal.Namespace(),
		"--offload", "http://"+offload, "--cached", strconv.Itoa(cached))
	w.command.Stderr = &w.said
	w.command.WaitDelay = 30 * time.Second
	w.ask, err = w.command.StdinPipe()
	out, in := io.Pipe()
	w.command.Stdout, w.answers = in, json.NewDecoder(out)
	if err == nil {
		err = w.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	go func() {
		w.exitError = w.command.Wait()
		// Who waits for an answer need not wait any longer.
		_ = in.Close()
		close(w.exited)
	}()
	return w, nil
}

// whileAlive is a context that ends with the worker too.
func (w *workerProcess) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-w.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// memoryReadings are taken in a row. What is on its way out, such as a connection's buffer, only ever adds to one, so the least counts.
const (
	memoryReadings = 5
	memoryPause    = 200 * time.Millisecond
)

func (w *workerProcess) leastOf(ctx context.Context, count int) (Reading, error) {
	pause := time.NewTicker(memoryPause)
	defer pause.Stop()
	var least Reading
	for n := range count {
		select {
		case <-ctx.Done():
			return Reading{}, ctx.Err()
		case <-pause.C:
		}
		var r Reading
		if _, err := w.ask.Write([]byte("\n")); err != nil {
			return Reading{}, fmt.Errorf("ask the worker for its memory: %w", err)
		}
		if err := w.answers.Decode(&r); err != nil {
			return Reading{}, fmt.Errorf("read the worker's memory: %w", err)
		}
		if n == 0 || r.Bytes < least.Bytes {
			least = r
		}
	}
	return least, nil
}

// stop lets the worker end as it does when it is told to. The error is also why it ended where it did so by itself.
func (w *workerProcess) stop() error {
	// The pipe is closed already where the process ended first.
	_ = w.ask.Close()
	<-w.exited
	if w.exitError != nil {
		return fmt.Errorf("the worker did not end well: %w; it said: %s", w.exitError, w.said.String())
	}
	return nil
}

// memoryWorker is how this binary runs itself as the worker. It is of no use to people.
func memoryWorker() *cobra.Command {
	var keys, temporal, namespace, offload string
	var cached int
	command := &cobra.Command{
		Use:    workerCommand,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ring, err := keyring.LoadOrCreate(keys)
			if err != nil {
				return err
			}
			log, err := logging.New(cmd.ErrOrStderr(), "warn", "json")
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				defer cancel()
				answerReadings(cmd.InOrStdin(), cmd.OutOrStdout())
			}()
			return service.Run(ctx, service.Settings{
				Config: config.Config{
					// Nobody is there: the simulated Offload says nothing of a case.
					PublicURL:     "http://127.0.0.1:1",
					Accounts:      map[string]config.Account{workflows.DefaultAccount: {BaseURL: offload, APIKey: offloadKey}},
					WorkflowCache: cached,
				},
				Parts:    config.Worker,
				Keyring:  ring,
				Temporal: sdk.Options{HostPort: temporal, Namespace: namespace},
				Log:      log,
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&keys, "keyring", "", "key document, made if need be")
	flags.StringVar(&temporal, "temporal", "", "Temporal server")
	flags.StringVar(&namespace, "namespace", "", "namespace of the server")
	flags.StringVar(&offload, "offload", "", "base URL of Offload")
	flags.IntVar(&cached, "cached", 0, "workflows in memory")
	return command
}

// answerReadings writes a reading for each line, until there are no more, or until nobody reads them.
func answerReadings(questions io.Reader, answers io.Writer) {
	lines := bufio.NewScanner(questions)
	to := json.NewEncoder(answers)
	for lines.Scan() {
		if err := to.Encode(readMemory()); err != nil {
			return
		}
	}
}

func readMemory() Reading {
	// A pool gives up what it has only at the second collection.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return Reading{Bytes: stats.HeapAlloc + stats.StackInuse, Goroutines: runtime.NumGoroutine()}
}
