package upgradetest_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	anyPort   = "127.0.0.1:0"
	longTimer = 1000 * time.Hour
	patience  = 3 * time.Minute
	tick      = 50 * time.Millisecond
)

func TestMain(m *testing.M) {
	// The builds are in one process. Without a cache that they would share, each task replays the whole history, as in a new process.
	sdkworker.SetStickyWorkflowCacheSize(0)
	os.Exit(m.Run())
}

// stage is a server, both providers and an ingress; the workers come and go.
type stage struct {
	temporal   client.Client
	apps       *signalbox.Client
	simulators *sim.Providers
	deployment worker.Deployment
	config     config.Config
	ring       *keyring.Ring
	address    string
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
	s := &stage{address: server.FrontendAddr()}
	s.temporal, err = server.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	s.deployment = worker.NewDeployment(s.temporal, "default", "signalbox")
	s.ring, err = keyring.Generate()
	require.NoError(t, err)

	listener, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	s.simulators, err = sim.Start(sim.Options{Listen: anyPort, PublicURL: url, Pace: tick, OffloadKey: "key", AgentSecret: "agent-secret"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.simulators.Stop()) })
	s.apps, err = signalbox.New(s.temporal, signalbox.Options{Keyring: s.ring, PublicURL: url})
	require.NoError(t, err)
	s.config = config.Config{
		PublicURL: url, Inbox: filepath.Join(t.TempDir(), "inbox.db"), MaxBody: 1 << 20, UnmatchedGrace: 15 * time.Minute, Drain: 10 * time.Second,
		Accounts:       map[string]config.Account{workflows.DefaultAccount: {BaseURL: s.simulators.OffloadURL(), APIKey: "key"}},
		Agents:         map[string]config.Agent{sim.Agent: {Secrets: []string{"agent-secret"}}},
		DeploymentName: "signalbox",
	}
	s.run(t, service.Settings{Config: s.config, Parts: config.Ingress, Listener: listener})
	return s
}

// run runs a process until the test ends or it is stopped.
func (s *stage) run(t *testing.T, settings service.Settings) (stop func()) {
	t.Helper()
	settings.Keyring, settings.Log = s.ring, zap.NewNop()
	settings.Temporal.HostPort, settings.Temporal.Namespace = s.address, "default"
	settings.Temporal.Logger = logging.ForTemporal(settings.Log)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx, settings) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// build runs the workers of a build.
func (s *stage) build(t *testing.T, buildID string, how change) (stop func()) {
	t.Helper()
	c := s.config
	c.BuildID = buildID
	settings := service.Settings{Config: c, Parts: config.Worker}
	if how != unchanged {
		settings.Temporal.Interceptors = []interceptor.ClientInterceptor{&both{changed: changed{change: how}}}
	}
	return s.run(t, settings)
}

// both gives a worker the interceptor by way of its client.
type both struct {
	interceptor.ClientInterceptorBase
	changed
}

func (s *stage) makeCurrent(t *testing.T, buildID string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.deployment.SetCurrent(ctx, buildID))
}

func (s *stage) states(t *testing.T) map[string]worker.VersionState {
	t.Helper()
	all, err := s.deployment.Versions(t.Context())
	require.NoError(t, err)
	states := map[string]worker.VersionState{}
	for _, v := range all {
		states[v.BuildID] = v.State
	}
	return states
}

// failedTasks are the causes of the failed workflow tasks of all runs of a workflow, as code brings them about. A signal that comes while a workflow ends is
// no fault: Temporal notes a task with an unhandled command and gives another.
func (s *stage) failedTasks(t *testing.T, workflowIDs ...string) (causes []string) {
	t.Helper()
	for _, id := range workflowIDs {
		runs, err := s.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowId = '" + id + "'"})
		require.NoError(t, err)
		for _, run := range runs.GetExecutions() {
			s.each(t, id, run.GetExecution().GetRunId(), func(e *historypb.HistoryEvent) {
				failed := e.GetWorkflowTaskFailedEventAttributes()
				if failed != nil && failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND {
					causes = append(causes, id+": "+failed.GetCause().String()+": "+failed.GetFailure().GetMessage())
				}
			})
		}
	}
	return causes
}

func (s *stage) each(t *testing.T, workflowID, runID string, f func(*historypb.HistoryEvent)) {
	t.Helper()
	events := s.temporal.GetWorkflowHistory(t.Context(), workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		f(event)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, patience, tick, what)
}
