package dev_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	alertRules       = "../../../signalbox/deploy/alerts.yml"
	eventsNotApplied = "SignalboxEventsNotApplied"
)

// alertOf is an alert as promtool expects it.
type alertOf struct {
	Labels      map[string]string `json:"exp_labels"`
	Annotations map[string]string `json:"exp_annotations"`
}

// evaluate has promtool evaluate an alert on the counters that processes have served: the values before for ten minutes, then those after for two hours.
func evaluate(t *testing.T, alert string, before, after map[string]map[string]*dto.MetricFamily, fires bool) {
	t.Helper()
	rules, err := filepath.Abs(alertRules)
	require.NoError(t, err)
	type series struct {
		Series string `json:"series"`
		Values string `json:"values"`
	}
	var input []series
	for process := range after {
		earlier := counters(before[process])
		for name, value := range counters(after[process]) {
			first := "_" // it was not served yet
			if was, known := earlier[name]; known {
				first = fmt.Sprint(was)
			}
			input = append(input, series{fmt.Sprintf(name, process), fmt.Sprintf("%sx10 %vx120", first, value)})
		}
	}
	require.NotEmpty(t, input)
	expected := []alertOf{}
	if fires {
		expected = append(expected, alertNamed(t, alert))
	}
	test, err := json.Marshal(map[string]any{
		"rule_files": []string{rules}, "evaluation_interval": "1m",
		"tests": []any{map[string]any{
			"interval": "1m", "input_series": input,
			"alert_rule_test": []any{map[string]any{"eval_time": "100m", "alertname": alert, "exp_alerts": expected}},
		}},
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "test.json") // JSON is YAML
	require.NoError(t, os.WriteFile(file, test, 0o600))
	said, err := exec.CommandContext(t.Context(), testenv.Program(t, "promtool", "prometheus"), "test", "rules", file).CombinedOutput()
	require.NoError(t, err, "%s\n%s", said, test)
}

// counters are the values of our own counters, by their series in Prometheus's notation, with a place for the process.
func counters(families map[string]*dto.MetricFamily) map[string]float64 {
	values := map[string]float64{}
	for name, family := range families {
		if family.GetType() != dto.MetricType_COUNTER || !strings.HasPrefix(name, "signalbox_") {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := []string{"instance=%q"}
			for _, pair := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", pair.GetName(), pair.GetValue()))
			}
			values[name+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue()
		}
	}
	return values
}

// alertNamed is an alert as the rules declare it, without labels of a series.
func alertNamed(t *testing.T, name string) alertOf {
	t.Helper()
	text, err := os.ReadFile(alertRules)
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert               string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == name {
				return alertOf{rule.Labels, rule.Annotations}
			}
		}
	}
	require.Fail(t, "no such alert", name)
	return alertOf{}
}
