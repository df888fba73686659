package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Binary is the production binary as it would be shipped.
type Binary struct {
	Bytes int64 `json:"bytes"`
	// Ready is from the start of the process until /readyz says yes, with Temporal up; the median of the rounds, in milliseconds.
	Ready float64 `json:"readyMilliseconds"`
}

// binaryPackage is built where no binary is given.
const binaryPackage = "github.com/signalbox-dev/signalbox/cmd/signalbox"

// binary builds the lean binary, if need be, and starts it a few times.
func (s *stage) binary(ctx context.Context, o Options) (*Binary, error) {
	path := o.Binary
	if path == "" {
		o.say("building the production binary")
		path = filepath.Join(s.folder, "signalbox")
		// As it is shipped but for -trimpath and CGO_ENABLED=0, which change its size little and compile everything anew.
		build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", path, binaryPackage)
		if output, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s (run this in the module, give --binary, or leave it out by --only): %w: %s", binaryPackage, err, output)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("--binary: %w", err)
	}
	// A path of one element would be looked for elsewhere.
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("--binary: %w", err)
	}
	if _, err := keyring.LoadOrCreate(filepath.Join(s.folder, "keys.json")); err != nil {
		return nil, err
	}
	waits := make([]time.Duration, rounds)
	for round := range waits {
		o.say("starting the production binary, round %d of %d", round+1, rounds)
		if waits[round], err = s.timeStart(ctx, path); err != nil {
			return nil, err
		}
	}
	slices.Sort(waits)
	return &Binary{Bytes: info.Size(), Ready: milliseconds(quantile(waits, 0.5))}, nil
}

// timeStart runs `serve` until it is ready, and stops it.
func (s *stage) timeStart(ctx context.Context, path string) (_ time.Duration, err error) {
	address, addressErr := freeAddress()
	internal, err := freeAddress()
	if err := errors.Join(addressErr, err); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	serve := exec.CommandContext(ctx, path, "serve")
	serve.Dir = s.folder
	serve.Env = []string{
		"HOME=" + s.folder, "TEMPORAL_ADDRESS=" + s.server.FrontendAddr(),
		"SIGNALBOX_KEYRING=keys.json", "SIGNALBOX_INBOX=binary.db", "SIGNALBOX_LISTEN=" + address, "SIGNALBOX_INTERNAL_LISTEN=" + internal,
		"SIGNALBOX_DRAIN_DELAY=0s", "SIGNALBOX_PUBLIC_URL=http://" + address,
		// Nobody is there, and nobody is asked: no case is open.
		"SIGNALBOX_OFFLOAD_BASE_URL=http://127.0.0.1:1", "SIGNALBOX_OFFLOAD_API_KEY=unused",
	}
	var said bytes.Buffer
	serve.Stdout, serve.Stderr = &said, &said
	serve.Cancel = func() error { return serve.Process.Signal(os.Interrupt) }
	serve.WaitDelay = 30 * time.Second
	began := now()
	if err := serve.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	took, err := awaitReady(ctx, "http://"+address+"/readyz", began, ended)
	cancel()
	if err != nil {
		return 0, fmt.Errorf("%w; it said: %s", err, said.String())
	}
	<-ended //nolint:errcheck // it was killed
	return took, nil
}

func awaitReady(ctx context.Context, url string, began time.Time, ended chan error) (time.Duration, error) {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return 0, fmt.Errorf("ask whether it is ready: %w", err)
		}
		if response, err := client.Do(request); err == nil {
			// What it says is in the status.
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return now().Sub(began), nil
			}
		}
		select {
		case err := <-ended:
			ended <- err
			return 0, fmt.Errorf("it ended before it was ready: %w", errors.Join(err, ctx.Err()))
		case <-ctx.Done():
			<-ended //nolint:errcheck // it was killed
			return 0, fmt.Errorf("wait until it is ready: %w", ctx.Err())
		case <-again.C:
		}
	}
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
