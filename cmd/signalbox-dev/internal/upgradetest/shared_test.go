package upgradetest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	anyPort     = "127.0.0.1:0"
	agentSecret = "agent-secret"
	// app is a workflow that gets the cases' notices. No worker runs it: Temporal takes its signals all the same.
	app         = "app"
	longTimer   = 1000 * time.Hour
	waitTimeout = 5 * time.Minute
	tick        = 50 * time.Millisecond
)

func TestMain(m *testing.M) {
	if settings := os.Getenv(workerSettings); settings != "" {
		stories.Main(m, func(*testing.M) (int, error) { return 0, runWorker(settings) })
	}
	os.Exit(m.Run())
}

// stage is a server, both providers and an ingress; the workers come and go, each build in its own process.
type stage struct {
	temporal   client.Client
	apps       *signalbox.Client
	simulators *sim.Providers
	deployment worker.Deployment
	// address is the Temporal server's; keyring and inbox are paths.
	address, publicURL, keyring, inbox string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{
		SearchAttributes: worker.SearchAttributes(),
		DynamicConfig: map[string]any{
			"history.timerProcessorMaxTimeShift": 10 * time.Millisecond,
			// Temporal waits three minutes for each of the two.
			"matching.wv.VersionDrainageStatusVisibilityGracePeriod": 2 * time.Second,
			"matching.wv.VersionDrainageStatusRefreshInterval":       time.Second,
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	folder := t.TempDir()
	s := &stage{address: server.FrontendAddr(), keyring: filepath.Join(folder, "keys.json"), inbox: filepath.Join(folder, "inbox.db")}
	s.temporal, err = server.Dial(t.Context(), payloadtest.Apply)
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	stories.Execute(t, s.temporal, client.StartWorkflowOptions{ID: app, TaskQueue: "no-worker"}, app)
	s.deployment = worker.NewDeployment(s.temporal, namespace, deployment)
	keys, err := keyring.LoadOrCreate(s.keyring)
	require.NoError(t, err)

	listener, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	s.publicURL = "http://" + listener.Addr().String()
	s.simulators, err = sim.Start(sim.Options{Listen: anyPort, PublicURL: s.publicURL, Pace: tick, OffloadKey: apiKey, AgentSecret: agentSecret})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.simulators.Stop()) })
	s.apps, err = signalbox.New(s.temporal, signalbox.Options{Keyring: keys, PublicURL: s.publicURL})
	require.NoError(t, err)
	s.receive(t, listener, keys)
	return s
}

// receive runs the ingress until the test ends.
func (s *stage) receive(t *testing.T, listener net.Listener, keys *keyring.Ring) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ctx, service.Settings{
			Config: config.Config{
				Inbox: s.inbox, MaxBody: 1 << 20, UnmatchedGrace: 15 * time.Minute, Drain: 10 * time.Second,
				Agents: map[string]config.Agent{sim.Agent: {Secrets: []string{agentSecret}}},
			},
			Parts: config.Ingress, Listener: listener, Keyring: keys, Payloads: payloadtest.Keys(), Log: zap.NewNop(),
			Temporal: client.Options{HostPort: s.address, Namespace: namespace},
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func (s *stage) makeCurrent(t *testing.T, buildID string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	require.NoError(t, s.deployment.SetCurrent(ctx, buildID))
}

func (s *stage) ramp(t *testing.T, buildID string, percent float32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	require.NoError(t, s.deployment.SetRamping(ctx, buildID, percent))
}

func (s *stage) states(ctx context.Context) (map[string]worker.VersionState, error) {
	all, err := s.deployment.Versions(ctx)
	states := map[string]worker.VersionState{}
	for _, v := range all {
		states[v.BuildID] = v.State
	}
	return states, err
}

// failedTasks are the causes of the failed workflow tasks of all runs of a workflow, as code brings them about. A signal that comes while a workflow ends is
// no fault: Temporal notes a task with an unhandled command and gives another.
func (s *stage) failedTasks(ctx context.Context, workflowIDs ...string) (causes []string, err error) {
	// The message of an encrypted failure is a payload too.
	read := payloadtest.Options().FailureConverter
	for _, id := range workflowIDs {
		runs, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "'"})
		if err != nil {
			return nil, err
		}
		for _, run := range runs.GetExecutions() {
			events, err := s.events(ctx, id, run.GetExecution().GetRunId())
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				failed := e.GetWorkflowTaskFailedEventAttributes()
				if failed != nil && failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND {
					causes = append(causes, fmt.Sprintf("%s: %s: %v", id, failed.GetCause(), read.FailureToError(failed.GetFailure())))
				}
			}
		}
	}
	return causes, nil
}

// events are those of one run of a workflow, of its newest where none is named.
func (s *stage) events(ctx context.Context, workflowID, runID string) (events []*historypb.HistoryEvent, err error) {
	history := s.temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, waitTimeout, tick, what)
}
