package casetest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// workerSettings is the variable that makes this test binary a worker: the production worker in a process of its own, which can be killed.
const workerSettings = "SIGNALBOX_TEST_WORKER"

type workerProcess struct {
	Keyring, Temporal, Namespace, Ingress, Offload string
	// Held are activities, by heldKey, and where the worker stops in them. It says so on its output, and never goes on.
	Held map[string]moment
}

// moment is when a worker that has an activity is stopped.
type moment string

const (
	// begun: the worker has the activity and has not called the provider.
	begun moment = "begun"
	// done: the provider has answered, and the server does not know it.
	done moment = "done"
)

func heldKey(reference, activity string) string { return reference + " " + activity }

// runWorker is the other process. It ends when it is killed, or when its parent ends and so closes its input.
func runWorker(settings string) int {
	var p workerProcess
	if err := json.Unmarshal([]byte(settings), &p); err != nil {
		return complain(err)
	}
	keys, err := keyring.LoadOrCreate(p.Keyring)
	if err != nil {
		return complain(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	stops := &stops{at: p.Held, activities: map[string]string{}}
	err = service.Run(ctx, service.Settings{
		Config: config.Config{
			PublicURL: p.Ingress,
			Accounts:  map[string]config.Account{workflows.DefaultAccount: {BaseURL: p.Offload, APIKey: apiKey}},
		},
		Parts:    config.Worker,
		Keyring:  keys,
		Payloads: payloadtest.Keys(),
		Temporal: client.Options{
			HostPort: p.Temporal, Namespace: p.Namespace,
			ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(stops.intercept)}},
		},
		Log: zap.NewNop(),
	})
	if err != nil {
		return complain(err)
	}
	return 0
}

// stops stands between a worker and the server.
type stops struct {
	at map[string]moment

	mu         sync.Mutex
	activities map[string]string // heldKey by task token
}

func (s *stops) intercept(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
	if handOff, ok := request.(*workflowservice.SignalWithStartWorkflowExecutionRequest); ok {
		// A local activity, which the server knows nothing of.
		activity := heldKey(referenceOf(handOff.GetWorkflowId()), workflows.ActivityNoticeHandOff)
		if err := s.stop(ctx, activity, begun); err != nil {
			return err
		}
		err := invoke(ctx, method, request, reply, cc, o...)
		return errors.Join(err, s.stop(ctx, activity, done))
	}
	if completed, ok := request.(*workflowservice.RespondActivityTaskCompletedRequest); ok {
		s.mu.Lock()
		activity := s.activities[string(completed.GetTaskToken())]
		s.mu.Unlock()
		if err := s.stop(ctx, activity, done); err != nil {
			return err
		}
	}
	if err := invoke(ctx, method, request, reply, cc, o...); err != nil {
		return err
	}
	if task, ok := reply.(*workflowservice.PollActivityTaskQueueResponse); ok && len(task.GetTaskToken()) > 0 {
		activity := heldKey(referenceOf(task.GetWorkflowExecution().GetWorkflowId()), task.GetActivityType().GetName())
		s.mu.Lock()
		s.activities[string(task.GetTaskToken())] = activity
		s.mu.Unlock()
		return s.stop(ctx, activity, begun)
	}
	return nil
}

// referenceOf is the reference of the case that a workflow belongs to.
func referenceOf(workflowID string) string {
	return strings.TrimPrefix(strings.TrimPrefix(workflowID, workflows.NotifyWorkflowID("")), workflows.OffloadCaseWorkflowID(""))
}

// stop never lets an activity go on that is to be stopped here.
func (s *stops) stop(ctx context.Context, activity string, here moment) error {
	if s.at[activity] != here {
		return nil
	}
	fmt.Println(activity)
	<-ctx.Done()
	return ctx.Err()
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
	w := &runningWorker{command: exec.Command(os.Args[0]), stopped: make(chan string)}
	w.command.Env = append(os.Environ(), workerSettings+"="+string(settings))
	w.command.Stderr = os.Stderr
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
