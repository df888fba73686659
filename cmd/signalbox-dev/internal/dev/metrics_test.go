package dev_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// listed is a row of the README's table of metrics.
type listed struct{ name, kind, labels, process string }

func readme(t *testing.T) []listed {
	t.Helper()
	text, err := os.ReadFile("../../../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Metrics\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []listed
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) == 7 && strings.Contains(cells[1], "`") {
			rows = append(rows, listed{strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])})
		}
	}
	require.NotEmpty(t, rows)
	return rows
}

// liveThrough makes the services do what their metrics count: a case that ends with a file and a notice, one that asks, a read of a transcript, and an activation
// with an open approval.
func (s *split) liveThrough(t *testing.T, worker string) {
	t.Helper()
	stories.MustRetry(t, func(ctx context.Context) (client.WorkflowRun, error) {
		return s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "app", TaskQueue: "no-worker"}, "app")
	})
	reply := &workflows.ReplyTo{WorkflowID: "app", Signal: "news"}
	ended, asked := s.start(t, "complete", "complete", reply), s.start(t, "question", "question", reply)
	testenv.Eventually(t, stories.Attended(s.providers.Offload, asked), func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded })
	testenv.Eventually(t, stories.Attended(s.providers.Offload, ended), func(s workflows.CaseState) bool { return s.Status.Ended() })
	stories.MustRetry(t, ended.Wait) // the workflow that stores the files has started then
	stories.MustRetry(t, ended.Files)
	testenv.Eventually(t, func(ctx context.Context) ([]byte, error) {
		return fetch(ctx, s.ingress+"/v1/cases/"+ended.Reference()+"/transcript")
	}, func([]byte) bool { return true })
	id, err := s.providers.Artmail.Activate(sim.Agent)
	require.NoError(t, err)
	one := s.apps.Activation(sim.Agent, id)
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })
	stories.RequestApprovals(t, one, workflows.ApprovalRequest{MessageID: "metrics-m1"})
	// A pass over the open work comes each minute or so.
	testenv.Eventually(t, func(ctx context.Context) (waiting [2]float64, err error) {
		seen, err := scrape(ctx, worker)
		return [2]float64{valueOf(seen, "signalbox_waiting", "kind", "question"), valueOf(seen, "signalbox_waiting", "kind", "approval")}, err
	}, func(waiting [2]float64) bool { return waiting[0] > 0 && waiting[1] > 0 })
}

// start starts a case that the simulator treats as the script says.
func (s *split) start(t *testing.T, reference, script string, reply *workflows.ReplyTo) *signalbox.Case {
	t.Helper()
	return stories.StartCase(t, s.apps, workflows.CaseStart{
		Reference: reference, ReplyTo: reply,
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty: workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	})
}

func TestRunsThatWereContinuedOrTerminatedHaveNoAttention(t *testing.T) {
	t.Parallel()
	s := startSplit(t)
	s.run(t, config.Worker, nil)
	listed := func(query string, want int) {
		t.Helper()
		testenv.Eventually(t, func(ctx context.Context) (int, error) {
			found, err := s.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "SignalboxAttention = 'input_needed' AND " + query})
			return len(found.GetExecutions()), err
		}, func(n int) bool { return n == want })
	}
	references := []string{"open", "continued", "terminated"}
	for _, reference := range references {
		testenv.Eventually(t, stories.Attended(s.providers.Offload, s.start(t, reference, "question", nil)), func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded })
	}
	// A worker may answer a query before Temporal has the workflow task that sets the attention.
	listed("ExecutionStatus = 'Running'", len(references))
	stories.Terminate(t, s.client, workflows.OffloadCaseWorkflowID("terminated"))
	stories.ContinueAsNew(t, s.client, workflows.OffloadCaseWorkflowID("continued"))
	listed("ExecutionStatus = 'ContinuedAsNew'", 1)
	listed("ExecutionStatus = 'Terminated'", 1)
	listed("ExecutionStatus = 'Running'", 2)

	// A worker that starts now makes its first pass now.
	second := s.run(t, config.Worker, nil)
	testenv.Eventually(t, func(ctx context.Context) (float64, error) {
		seen, err := scrape(ctx, second)
		return valueOf(seen, "signalbox_attention_workflows", "reason", workflows.AttentionInputNeeded), err
	}, func(counted float64) bool {
		require.LessOrEqual(t, counted, 2.0)
		return counted == 2
	})
}

// valueOf is the sum of a gauge or counter over the series whose label has the value.
func valueOf(families map[string]*dto.MetricFamily, name, label, value string) (sum float64) {
	for _, m := range families[name].GetMetric() {
		for _, pair := range m.GetLabel() {
			if pair.GetName() == label && pair.GetValue() == value {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestMetricsAreWhatTheReadmeAndTheDashboardSay(t *testing.T) {
	t.Parallel()
	s := startSplit(t)
	processes := map[string]string{"ingress": s.ingress, "worker": s.run(t, config.Worker, nil)}
	before := served(t, processes)
	s.liveThrough(t, processes["worker"])
	t.Run("the README lists each metric with its type, labels and process", func(t *testing.T) { readmeListsAll(t, processes) })
	for process, url := range processes {
		t.Run("promtool finds nothing to improve in the "+process, func(t *testing.T) { lintMetrics(t, get(t, url+"/metrics")) })
	}
	t.Run("Prometheus answers each query of the dashboard and evaluates each alert", func(t *testing.T) { askPrometheus(t, processes) })
	t.Run("no event counts as not applied", func(t *testing.T) { evaluate(t, eventsNotApplied, before, served(t, processes), false) })
}

// served is what all processes show, by process and name.
func served(t *testing.T, processes map[string]string) map[string]map[string]*dto.MetricFamily {
	t.Helper()
	all := map[string]map[string]*dto.MetricFamily{}
	for process, url := range processes {
		all[process] = testenv.Eventually(t, func(ctx context.Context) (map[string]*dto.MetricFamily, error) { return scrape(ctx, url) },
			func(map[string]*dto.MetricFamily) bool { return true })
	}
	return all
}

func readmeListsAll(t *testing.T, processes map[string]string) {
	const every = "every"
	patterns, rows := map[string]listed{}, map[string]listed{}
	for _, row := range readme(t) {
		if prefix, isPattern := strings.CutSuffix(row.name, "…"); isPattern {
			for name := range strings.SplitSeq(strings.ReplaceAll(prefix, "`", ""), "…, ") {
				patterns[name] = row
			}
			continue
		}
		rows[row.name] = row
	}
	for process, families := range served(t, processes) {
		for name, family := range families {
			row, found := rows[name]
			if !found {
				row, found = patterns[name[:strings.Index(name, "_")+1]]
				require.True(t, found, "the README does not list %s", name)
				require.Contains(t, []string{process, every}, row.process, "%s is served by the %s", name, process)
				continue
			}
			require.Contains(t, []string{process, every}, row.process, "%s is served by the %s", name, process)
			require.Equal(t, row.kind, strings.ToLower(family.GetType().String()), name)
			var labels []string
			for _, pair := range family.GetMetric()[0].GetLabel() {
				labels = append(labels, pair.GetName())
			}
			want := strings.FieldsFunc(row.labels, func(r rune) bool { return r == ',' || r == ' ' })
			require.ElementsMatch(t, want, labels, name)
		}
		for name, row := range rows {
			if row.process == process || row.process == every {
				require.Contains(t, families, name, "the README lists a metric that the %s does not serve", process)
			}
		}
		require.NotContains(t, string(get(t, processes[process]+"/metrics")), sim.Agent, "no label holds an agent")
	}
	for name, row := range rows {
		require.Contains(t, []string{"ingress", "worker", every}, row.process, name)
	}
}

// lintMetrics lets promtool check our own metrics. The SDK's names are Temporal's.
func lintMetrics(t *testing.T, metrics []byte) {
	var ours bytes.Buffer
	for line := range bytes.Lines(metrics) {
		if bytes.Contains(line, []byte("signalbox_")) {
			ours.Write(line)
		}
	}
	command := exec.CommandContext(t.Context(), testenv.Program(t, "promtool", "prometheus"), "check", "metrics")
	command.Stdin = &ours
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, strings.TrimSpace(string(said)))
}

// onlyInTrouble are metrics without a value while nothing has failed.
var onlyInTrouble = regexp.MustCompile(`temporal_workflow_task_execution_failed_total|temporal_request_failure_total`)

func askPrometheus(t *testing.T, processes map[string]string) {
	folder := t.TempDir()
	rules, err := filepath.Abs("../../../signalbox/deploy/alerts.yml")
	require.NoError(t, err)
	listens := freeAddress(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: signalbox
    static_configs: [{targets: [%q, %q]}]
`, rules, strings.TrimPrefix(processes["ingress"], "http://"), strings.TrimPrefix(processes["worker"], "http://")), 0o600))
	ctx, stop := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, testenv.Program(t, "prometheus", "prometheus"), "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+listens, "--log.level=warn")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	testenv.KillWithParent(command)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		stop()
		_ = command.Wait() // it was killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	ask := func(ctx context.Context, path string) (json.RawMessage, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listens+"/api/v1"+path, http.NoBody)
		require.NoError(t, err)
		response, err := providers.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { _ = response.Body.Close() }()
		var answer struct {
			Status, Error string
			Data          json.RawMessage
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return nil, err
		}
		if answer.Status != "success" {
			return nil, fmt.Errorf("%s: %s", path, answer.Error)
		}
		return answer.Data, nil
	}
	unanswered := ""
	defer func() {
		if unanswered != "" {
			t.Log("no answer to " + unanswered)
		}
	}()
	for _, query := range dashboardQueries(t) {
		testenv.Eventually(t, func(ctx context.Context) (int, error) {
			data, err := ask(ctx, "/query?query="+url.QueryEscape(query))
			if err != nil {
				return 0, fmt.Errorf("%s: %w", query, err)
			}
			var vector struct{ Result []any }
			err = json.Unmarshal(data, &vector)
			unanswered = query
			return len(vector.Result), err
		}, func(n int) bool { return n > 0 || onlyInTrouble.MatchString(query) })
	}
	unanswered = ""
	testenv.Eventually(t, func(ctx context.Context) ([]string, error) {
		data, err := ask(ctx, "/rules")
		if err != nil {
			return nil, err
		}
		var all struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		var bad []string
		err = json.Unmarshal(data, &all)
		for _, group := range all.Groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					bad = append(bad, rule.Name+": "+rule.Health+" "+rule.LastError)
				}
			}
		}
		if len(all.Groups) == 0 {
			bad = append(bad, "no rules")
		}
		return bad, err
	}, func(bad []string) bool { return len(bad) == 0 })
}

// dashboardQueries are the expressions of all panels.
func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile("../../../signalbox/deploy/dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, target.Expr)
		}
	}
	require.NotEmpty(t, queries)
	return slices.Compact(queries)
}
