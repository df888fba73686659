// Package deploy_test tries the files of this folder.
package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// promtool runs it in this folder.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	said, err := exec.CommandContext(t.Context(), testenv.Program(t, "promtool", "prometheus"), args...).CombinedOutput()
	require.NoError(t, err, string(said))
}

func TestPromtoolAcceptsTheAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")
}

func TestEachAlertFiresAndStaysSilentAsItsUnitTestsSay(t *testing.T) {
	t.Parallel()
	promtool(t, "test", "rules", "alerts_test.yml")
}

type rule struct {
	Alert, Expr         string
	Annotations, Labels map[string]string
}

// rules are all alerts by name.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(read(t, "alerts.yml"), &file))
	all := map[string]rule{}
	for _, group := range file.Groups {
		for _, one := range group.Rules {
			all[one.Alert] = one
		}
	}
	require.NotEmpty(t, all)
	return all
}

func TestEachAlertIsWhole(t *testing.T) {
	t.Parallel()
	for name, rule := range rules(t) {
		require.Equal(t, "runbook.md#"+strings.ToLower(name), rule.Annotations["runbook"])
		require.NotEmpty(t, rule.Annotations["summary"], name)
		require.Contains(t, []string{"page", "ticket", "info"}, rule.Labels["severity"], name)
	}
}

func TestEachAlertHasARunbookParagraphAndBothUnitTests(t *testing.T) {
	t.Parallel()
	runbook := string(read(t, "runbook.md"))
	var tests struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(read(t, "alerts_test.yml"), &tests))
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, one := range test.AlertRuleTest {
			if len(one.ExpAlerts) > 0 {
				fires[one.Alertname] = true
			} else {
				silent[one.Alertname] = true
			}
		}
	}
	names := rules(t)
	for name := range names {
		_, paragraph, found := strings.Cut(runbook, "\n## "+name+"\n")
		require.True(t, found, "%s has no paragraph in runbook.md", name)
		paragraph, _, _ = strings.Cut(paragraph, "\n## ")
		for _, part := range []string{"**It means:** ", "**Look at** ", "**Do:** "} {
			require.Contains(t, paragraph, part, name)
		}
		require.True(t, fires[name], "%s fires in no unit test", name)
		require.True(t, silent[name], "%s stays silent in no unit test", name)
	}
	require.Equal(t, len(names), strings.Count(runbook, "\n## "), "runbook.md has paragraphs of alerts alone")
}

func TestTheRunbookSaysWhatToDoForEachAttentionAsTheContractDoes(t *testing.T) {
	t.Parallel()
	_, listed, found := strings.Cut(string(read(t, "runbook.md")), "\n# What to do for each attention\n")
	require.True(t, found)
	var want strings.Builder
	for _, attention := range workflows.Attentions() {
		sentence, _ := workflows.AttentionHelp(attention)
		want.WriteString("\n### " + attention + "\n\n" + sentence + "\n")
	}
	_, listed, _ = strings.Cut(listed, "\n### ")
	require.Equal(t, want.String(), "\n### "+listed)
}

func TestEachAttentionHasAnAlertOrIsNamedAsOneWithout(t *testing.T) {
	t.Parallel()
	text := string(read(t, "alerts.yml"))
	_, listed, found := strings.Cut(text, "\n# Attention without an alert")
	require.True(t, found)
	_, listed, _ = strings.Cut(listed, ":\n")
	listed, _, found = strings.Cut(listed, ".\ngroups:")
	require.True(t, found)
	reasons := regexp.MustCompile(`[a-z_]+`).FindAllString(listed, -1)
	for _, rule := range rules(t) {
		reasons = append(reasons, strings.Split(reasonsOf(rule), "|")...)
		if reason := strings.TrimPrefix(rule.Annotations["what_to_do"], "runbook.md#"); !strings.Contains(reason, "$labels") {
			reasons = append(reasons, reason)
		}
	}
	slices.Sort(reasons)
	require.Equal(t, workflows.Attentions(), slices.DeleteFunc(slices.Compact(reasons), func(reason string) bool { return reason == "" }))
}

// reasonsOf returns the reasons of attention that an alert's expression selects, separated by "|".
func reasonsOf(r rule) string {
	selected := regexp.MustCompile(`reason=~"([^"]*)"`).FindStringSubmatch(r.Expr)
	if selected == nil {
		return ""
	}
	return selected[1]
}

// What an alert says of attention leads to the sentences.
func TestAlertsAboutAttentionLinkToWhatToDo(t *testing.T) {
	t.Parallel()
	for name, rule := range rules(t) {
		link := rule.Annotations["what_to_do"]
		switch {
		case strings.Contains(rule.Expr, "signalbox_attention_workflows"):
			require.Equal(t, "runbook.md#{{ $labels.reason }}", link, name)
			for reason := range strings.SplitSeq(reasonsOf(rule), "|") {
				require.Contains(t, workflows.Attentions(), reason, name)
			}
		case link != "":
			require.Contains(t, workflows.Attentions(), strings.TrimPrefix(link, "runbook.md#"), name)
		}
	}
}

// The README's table is the list of metrics; that it lists what is served is tested where everything runs.
func TestAlertsDashboardAndRunbookNameMetricsThatTheReadmeLists(t *testing.T) {
	t.Parallel()
	readme := string(read(t, "../../../README.md"))
	suffix := regexp.MustCompile(`_(bucket|count|sum)$`)
	for _, file := range []string{"alerts.yml", "alerts_test.yml", "dashboard.json", "runbook.md"} {
		for _, name := range regexp.MustCompile(`\bsignalbox_[a-z_]+`).FindAllString(string(read(t, file)), -1) {
			require.Contains(t, readme, "| `"+suffix.ReplaceAllString(name, "")+"` |", "%s in %s", name, file)
		}
	}
}

// Probes of a load balancer would hide the webhooks, and what is not applied would vanish with the last worker.
func TestThePanelsOfTheDashboardQueryTheRightSeries(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(read(t, "dashboard.json"), &dashboard))
	alert := strings.Join(strings.Fields(rules(t)["SignalboxEventsNotApplied"].Expr), " ")
	found := map[string]bool{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			if strings.HasPrefix(target.Expr, "process_") { // every process that Prometheus scrapes has these
				require.Contains(t, target.Expr, `{job=~"signalbox.*"}`, panel.Title)
				found["processes"] = true
			}
			if strings.Contains(target.Expr, "signalbox_http_request_duration_seconds") {
				require.Contains(t, target.Expr, `_bucket{route=~"/webhooks/.*"}`, panel.Title)
				found["webhooks"] = true
			}
			if relayed, applied, _ := strings.Cut(target.Expr, " - ("); strings.Contains(applied, "signalbox_workflow_events_total") {
				require.Contains(t, alert, relayed+" - ( "+strings.TrimSuffix(applied, ")")+" )", panel.Title)
				found["not applied"] = true
			}
		}
	}
	require.Equal(t, map[string]bool{"webhooks": true, "not applied": true, "processes": true}, found)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return text
}
