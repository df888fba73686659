// Package metricstest records the metrics of workflow code for tests.
package metricstest

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
)

// Recorder is a client.MetricsHandler that records counters and timers.
type Recorder struct {
	mu     sync.Mutex
	counts map[string]int64
	times  map[string][]time.Duration
}

// New returns an empty Recorder.
func New() *Recorder {
	return &Recorder{counts: map[string]int64{}, times: map[string][]time.Duration{}}
}

// Count returns the sum of a counter over all label sets that include these labels, written as name=value.
func (r *Recorder) Count(name string, labels ...string) (sum int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, n := range r.counts {
		if fits(key, name, labels) {
			sum += n
		}
	}
	return sum
}

// Times returns the durations that a timer has recorded.
func (r *Recorder) Times(name string) (all []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, times := range r.times {
		if fits(key, name, nil) {
			all = append(all, times...)
		}
	}
	return all
}

func fits(key, name string, labels []string) bool {
	parts := strings.Split(key, "|")
	return parts[0] == name && !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(parts[1:], label) })
}

// WithTags implements client.MetricsHandler, like the methods below.
func (r *Recorder) WithTags(tags map[string]string) client.MetricsHandler {
	return tagged{r, nil}.WithTags(tags)
}

func (r *Recorder) Counter(name string) client.MetricsCounter { return tagged{r, nil}.Counter(name) }
func (r *Recorder) Gauge(name string) client.MetricsGauge     { return tagged{r, nil}.Gauge(name) }
func (r *Recorder) Timer(name string) client.MetricsTimer     { return tagged{r, nil}.Timer(name) }

type tagged struct {
	recorder *Recorder
	tags     map[string]string
}

func (t tagged) WithTags(tags map[string]string) client.MetricsHandler {
	all := maps.Clone(t.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return tagged{t.recorder, all}
}

func (t tagged) key(name string) string {
	for _, label := range slices.Sorted(maps.Keys(t.tags)) {
		name += "|" + label + "=" + t.tags[label]
	}
	return name
}

func (t tagged) Counter(name string) client.MetricsCounter { return counter{t, name} }
func (t tagged) Gauge(string) client.MetricsGauge          { return client.MetricsNopHandler.Gauge("") }
func (t tagged) Timer(name string) client.MetricsTimer     { return timer{t, name} }

type counter struct {
	of   tagged
	name string
}

func (c counter) Inc(by int64) {
	c.of.recorder.mu.Lock()
	defer c.of.recorder.mu.Unlock()
	c.of.recorder.counts[c.of.key(c.name)] += by
}

type timer struct {
	of   tagged
	name string
}

func (c timer) Record(took time.Duration) {
	c.of.recorder.mu.Lock()
	defer c.of.recorder.mu.Unlock()
	key := c.of.key(c.name)
	c.of.recorder.times[key] = append(c.of.recorder.times[key], took)
}
