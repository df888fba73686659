package relay

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

type metrics struct {
	held    prometheus.Gauge
	signals *prometheus.CounterVec
	settled *prometheus.CounterVec
	lag     prometheus.Histogram
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
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_relay_settled_total",
			Help: "Settled deliveries by their new state; pending is a retry or a release.",
		}, []string{"state"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "signalbox_relay_delivery_seconds",
			Help:    "Time from the arrival of a delivery to its accepted signal.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
		}),
	}
	for _, c := range []prometheus.Collector{m.held, m.signals, m.settled, m.lag, &inboxCollector{store: store, now: now}} {
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

// inboxCollector reads the inbox during a scrape, so that it costs nothing where metrics are not collected.
type inboxCollector struct {
	store inbox.Store
	now   func() time.Time
}

const scrapeTimeout = 2 * time.Second

var (
	upDesc         = prometheus.NewDesc("signalbox_inbox_up", "1 while the inbox answers; 0 while it does not, and then the values that are read from it are left out.", nil, nil)
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

// Collect implements prometheus.Collector. Where the inbox does not answer, its values are left out rather than shown as they were.
func (c *inboxCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	values, err := c.read(ctx)
	up := 1.0
	if err != nil {
		up, values = 0, nil
	}
	out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up)
	for _, value := range values {
		out <- value
	}
}

func (c *inboxCollector) read(ctx context.Context) (values []prometheus.Metric, err error) {
	add := func(desc *prometheus.Desc, value float64, labels ...string) {
		values = append(values, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...))
	}
	counts, err := c.store.Counts(ctx, inbox.OpenStates()...)
	if err != nil {
		return nil, err
	}
	for state, n := range counts {
		add(deliveriesDesc, float64(n), string(state))
	}
	oldest, pending, err := c.store.OldestPending(ctx)
	if err != nil {
		return nil, err
	}
	age := 0.0
	if pending {
		age = max(0, c.now().Sub(oldest).Seconds())
	}
	add(oldestDesc, age)
	size, err := c.store.Size(ctx)
	if err != nil {
		return nil, err
	}
	add(bytesDesc, float64(size.Tables), "tables")
	add(bytesDesc, float64(size.Log), "log")
	return values, nil
}
