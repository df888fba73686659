package relay

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

type metrics struct {
	held         prometheus.Gauge
	signals      *prometheus.CounterVec
	events       *prometheus.CounterVec
	settled      *prometheus.CounterVec
	lag          prometheus.Histogram
	undocumented *prometheus.CounterVec
	unreadable   *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, store inbox.Store, now func() time.Time) (*metrics, error) {
	m := &metrics{
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signalbox_relay_held_back",
			Help: "1 while deliveries are held back because Temporal is away or refuses everything.",
		}),
		signals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_relay_signals_total",
			Help: "Signals that Temporal accepted.",
		}, []string{"provider"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_relay_events_total",
			Help: "Events in the signals that Temporal accepted. Workflows count them as signalbox_workflow_events_total.",
		}, []string{"provider"}),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_relay_settled_total",
			Help: "Settled deliveries by their new state; pending is a retry or a release.",
		}, []string{"state"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "signalbox_relay_delivery_seconds",
			Help:    "Time from the arrival of a delivery to its accepted signal.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
		}),
		undocumented: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_webhook_undocumented_fields_total",
			Help: "Fields of relayed webhooks that the provider does not document: it may have changed its API.",
		}, []string{"provider"}),
		unreadable: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_webhook_unreadable_fields_total",
			Help: "Documented fields of relayed webhooks that could not be read or kept whole; the log names them.",
		}, []string{"provider"}),
	}
	// Each label starts at zero: a rate needs a first value.
	for _, perProvider := range []*prometheus.CounterVec{m.signals, m.events, m.undocumented, m.unreadable} {
		perProvider.WithLabelValues(offload.Name)
		perProvider.WithLabelValues(artmail.Name)
	}
	for _, state := range inbox.States() {
		if state != inbox.StateQuarantined { // a claimed delivery is never quarantined
			m.settled.WithLabelValues(string(state))
		}
	}
	for _, c := range []prometheus.Collector{m.held, m.signals, m.events, m.settled, m.lag, m.undocumented, m.unreadable, &inboxCollector{store: store, now: now}} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register relay metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) setHeldBack(held bool) {
	if held {
		m.held.Set(1)
	} else {
		m.held.Set(0)
	}
}

func (m *metrics) countSettled(batch []inbox.Settlement) {
	for _, s := range batch {
		m.settled.WithLabelValues(string(s.State)).Inc()
	}
}

// inboxCollector reads the inbox during each scrape. Without scrapes it costs nothing.
type inboxCollector struct {
	store inbox.Store
	now   func() time.Time

	mu   sync.Mutex
	last inboxValues
}

// inboxValues are the last values from the inbox. read is false before its first answer.
type inboxValues struct {
	read    bool
	counts  map[inbox.State]int64
	oldest  time.Time
	pending bool
	size    inbox.Size
}

// scrapeTimeout is well below the default scrape timeout of Prometheus, 10 seconds.
const scrapeTimeout = 2 * time.Second

var (
	upDesc         = prometheus.NewDesc("signalbox_inbox_up", "1 while the inbox answers; 0 while it does not, and then the values that are read from it are the last ones.", nil, nil)
	deliveriesDesc = prometheus.NewDesc("signalbox_inbox_deliveries", "Deliveries in the inbox by state, of the states that a person may have to act on.", []string{"state"}, nil)
	oldestDesc     = prometheus.NewDesc("signalbox_inbox_oldest_pending_seconds", "Age of the oldest pending delivery; 0 when none is pending.", nil, nil)
	bytesDesc      = prometheus.NewDesc("signalbox_inbox_bytes", "Disk space of the inbox: its tables, and the log written ahead of them, which grows while a reader holds an old snapshot.", []string{"part"}, nil)
)

// Describe implements prometheus.Collector.
func (c *inboxCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- upDesc
	descs <- deliveriesDesc
	descs <- oldestDesc
	descs <- bytesDesc
}

// Collect implements prometheus.Collector. If the inbox does not answer, it shows the last values: an alert about them must not end because
// the database is away too.
func (c *inboxCollector) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	up := 0.0
	if values, err := c.read(ctx); err == nil {
		up, c.last = 1, values
	}
	out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up)
	if !c.last.read {
		return
	}
	show := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for state, n := range c.last.counts {
		show(deliveriesDesc, float64(n), string(state))
	}
	age := 0.0
	if c.last.pending {
		age = max(0, c.now().Sub(c.last.oldest).Seconds())
	}
	show(oldestDesc, age)
	show(bytesDesc, float64(c.last.size.Tables), "tables")
	show(bytesDesc, float64(c.last.size.Log), "log")
}

func (c *inboxCollector) read(ctx context.Context) (values inboxValues, err error) {
	if values.counts, err = c.store.Counts(ctx, inbox.OpenStates()...); err != nil {
		return values, err
	}
	if values.oldest, values.pending, err = c.store.OldestPending(ctx); err != nil {
		return values, err
	}
	if values.size, err = c.store.Size(ctx); err != nil {
		return values, err
	}
	values.read = true
	return values, nil
}
