package ingress

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
)

// metrics name routes by their pattern and contain neither agents nor addresses, so that a sender can't add a time series.
type metrics struct {
	requests    *prometheus.HistogramVec
	webhooks    *prometheus.CounterVec
	quarantined *prometheus.CounterVec
	storing     prometheus.Gauge
	stored      prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer, bodies *bodies, config Config) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_http_request_duration_seconds",
			Help:    "Time from the end of a request's headers to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "status"}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_webhooks_total",
			Help: "Webhooks by outcome: what was stored, or why it was refused.",
		}, []string{"provider", "outcome"}),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_artmail_bad_signatures_total",
			Help: "Webhooks that no secret of their agent verifies, by whether the quarantine keeps them (yes) or why not; the log names the agent. A wrong secret can make Artmail pause every activation.",
		}, []string{"kept"}),
		storing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signalbox_inbox_queue_deliveries",
			Help: "Verified webhooks that wait to be committed to the inbox, those being committed among them.",
		}),
		stored: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "signalbox_inbox_commit_seconds",
			Help:    "Time from a verified webhook to its commit to the inbox or the failure of it, with the time in the queue.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, provider := range []string{offload.Name, artmail.Name} {
		for _, outcome := range outcomes {
			m.webhooks.WithLabelValues(provider, string(outcome))
		}
	}
	for _, kept := range keptResults {
		m.quarantined.WithLabelValues(string(kept))
	}
	all := []prometheus.Collector{m.requests, m.webhooks, m.quarantined, m.storing, m.stored}
	for _, b := range []struct {
		name   string
		budget *budget
		limit  int64
	}{{"verified", &bodies.verified, config.MaxInFlight}, {"unverified", &bodies.unverified, config.MaxUnverifiedInFlight}} {
		labels := prometheus.Labels{"budget": b.name}
		all = append(all,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "signalbox_body_bytes", Help: "Bytes of webhook bodies in memory, by the budget that they count against.", ConstLabels: labels,
			}, func() float64 { return float64(b.limit - b.budget.left()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "signalbox_body_limit_bytes", Help: "The most bytes of webhook bodies in memory, by budget.", ConstLabels: labels,
			}, func() float64 { return float64(b.limit) }),
		)
	}
	for _, c := range all {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register ingress metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) countRequest(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) countWebhook(provider string, what outcome) {
	m.webhooks.WithLabelValues(provider, string(what)).Inc()
}

func (m *metrics) countBadSignature(result kept) {
	m.quarantined.WithLabelValues(string(result)).Inc()
}

func (m *metrics) beginCommit() {
	m.storing.Inc()
}

func (m *metrics) endCommit(took time.Duration) {
	m.storing.Dec()
	m.stored.Observe(took.Seconds())
}
