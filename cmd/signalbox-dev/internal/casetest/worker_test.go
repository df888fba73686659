package casetest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// workerSettings is the variable that makes this test binary a worker: the production worker in another process, which can be killed.
const workerSettings = "SIGNALBOX_TEST_WORKER"

type workerProcess struct {
	Keyring, Temporal, Namespace string
	Config                       config.Config
	// Artmail is where the author's activity asks about approvals; empty: no author runs beside the worker.
	Artmail string
	// Held are activities, by heldKey, and where the worker stops in them. It says so on its output, and never goes on.
	Held map[string]moment
}

// moment is when a worker that has an activity is stopped.
type moment string

const (
	// begun: the worker has the activity, which has not begun its work.
	begun moment = "begun"
	// done: the activity has ended well, and the server does not know it.
	done moment = "done"
)

func heldKey(workflowID, activity string) string { return workflowID + " " + activity }

// runWorker is the other process. It ends when it is killed, or when its parent ends and so closes its input.
func runWorker(settings string) error {
	var p workerProcess
	if err := json.Unmarshal([]byte(settings), &p); err != nil {
		return err
	}
	keys, err := keyring.LoadOrCreate(p.Keyring)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	options := client.Options{
		HostPort: p.Temporal, Namespace: p.Namespace,
		Interceptors: []interceptor.ClientInterceptor{&stops{at: p.Held, process: ctx}},
		Logger:       sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), // its output is for the stops
	}
	if p.Artmail != "" {
		stopAuthor, err := startAuthor(options, keys, p.Artmail)
		if err != nil {
			return err
		}
		defer stopAuthor()
	}
	return service.Run(ctx, service.Settings{
		Config: p.Config, Parts: config.Worker, Keyring: keys, Payloads: payloadtest.Keys(), Temporal: options, Log: zap.NewNop(),
	})
}

// stops stands before and after each activity of a worker, local ones included.
type stops struct {
	interceptor.InterceptorBase
	at      map[string]moment
	process context.Context
}

func (s *stops) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &stopsActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, s}
}

type stopsActivity struct {
	interceptor.ActivityInboundInterceptorBase
	*stops
}

func (s *stopsActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	key := heldKey(info.WorkflowExecution.ID, info.ActivityType.Name)
	s.stop(key, begun)
	result, err := s.Next.ExecuteActivity(ctx, in)
	if err == nil {
		s.stop(key, done)
	}
	return result, err
}

// stop never lets an activity go on that is to be stopped here, not even when its time is over.
func (s *stops) stop(key string, here moment) {
	if s.at[key] == here {
		fmt.Println(key)
		<-s.process.Done()
	}
}

// runningWorker is the other process as seen from here.
type runningWorker struct {
	command *exec.Cmd
	// stopped says which activities the worker stopped in; it is closed with the process.
	stopped chan string
}

func startWorker(t *testing.T, p workerProcess) *runningWorker {
	t.Helper()
	settings, err := json.Marshal(p)
	require.NoError(t, err)
	w := &runningWorker{command: testenv.Child(t, workerSettings+"="+string(settings)), stopped: make(chan string)}
	_, err = w.command.StdinPipe() // held open until the process has ended
	require.NoError(t, err)
	output, err := w.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.command.Start())
	go func() {
		defer close(w.stopped)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			w.stopped <- lines.Text()
		}
	}()
	t.Cleanup(w.kill)
	return w
}

// nextStop waits until the worker stops in an activity, and returns its key.
func (w *runningWorker) nextStop(t *testing.T, waitedFor any) string {
	t.Helper()
	select {
	case key, alive := <-w.stopped:
		require.True(t, alive, "the worker ended by itself")
		return key
	case <-time.After(waitTimeout):
		require.FailNow(t, "the worker did not stop", "in %v", waitedFor)
		return ""
	}
}

// kill ends the process with SIGKILL; a second time it does nothing.
func (w *runningWorker) kill() {
	if w.command.ProcessState != nil {
		return
	}
	_ = w.command.Process.Kill()
	for range w.stopped { // Wait must come after the last read
	}
	_ = w.command.Wait() // its error is that it was killed
}
