package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/telemetry"
)

// accountClients returns the clients of the accounts. The workers and the API of a process share them, so that both together keep to an account's
// rate. A process without workers needs no account, so it leaves out accounts without a URL or key.
func accountClients(s Settings, registry prometheus.Registerer, traces *telemetry.Traces) (map[string]*offloadapi.Client, error) {
	calls, err := newProviderCalls(registry, traces)
	if err != nil {
		return nil, err
	}
	c := s.Config
	if s.Parts&config.Worker == 0 {
		c.Accounts = maps.Clone(c.Accounts)
		maps.DeleteFunc(c.Accounts, func(_ string, a config.Account) bool { return a.BaseURL == "" || a.APIKey == "" })
	}
	return OffloadClients(c, calls.observe)
}

// OffloadClients returns the clients of the configured accounts by name. The caller closes them. observe is offloadapi.Config.Observe; it may be
// nil.
func OffloadClients(
	c config.Config, observe func(context.Context, string) (context.Context, func(offloadapi.Call)),
) (map[string]*offloadapi.Client, error) {
	clients := make(map[string]*offloadapi.Client, len(c.Accounts))
	for name, account := range c.Accounts {
		api, err := offloadapi.New(offloadapi.Config{
			BaseURL: account.BaseURL, APIKey: account.APIKey, Now: now,
			CallsPerSecond: account.CallsPerSecond, ReadsPerSecond: account.ReadsPerSecond, Observe: observe,
		})
		if err != nil {
			return nil, fmt.Errorf("%w: accounts.%s: %w", setting.ErrWrong, name, err)
		}
		clients[name] = api
	}
	return clients, nil
}

// providerCalls counts the calls to a provider's API, and gives each its span.
type providerCalls struct {
	traces     *telemetry.Traces
	seconds    *prometheus.HistogramVec
	unreadable *prometheus.CounterVec
}

const offloadProvider = "offload"

func newProviderCalls(registry prometheus.Registerer, traces *telemetry.Traces) (*providerCalls, error) {
	p := &providerCalls{
		traces: traces,
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signalbox_provider_call_seconds",
			Help:    "Time of calls to a provider's API, by call and result.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30},
		}, []string{"provider", "call", "result"}),
		unreadable: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_provider_unreadable_fields_total",
			Help: "Documented fields of a provider's answers that could not be read; the log names them.",
		}, []string{"provider"}),
	}
	p.unreadable.WithLabelValues(offloadProvider)
	// A rate needs a value to start from, and an account is refused in few calls.
	for _, op := range []string{"create case", "get case", "get transcript", "provide input", "get attachment"} {
		for _, result := range []string{resultUnauthorized, resultForbidden, resultUsageLimit} {
			p.seconds.WithLabelValues(offloadProvider, label(op), result)
		}
	}
	for _, c := range []prometheus.Collector{p.seconds, p.unreadable} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of provider calls: %w", err)
		}
	}
	return p, nil
}

func (p *providerCalls) observe(ctx context.Context, op string) (context.Context, func(offloadapi.Call)) {
	ctx, endSpan := p.traces.Call(ctx, offloadProvider, op)
	return ctx, func(call offloadapi.Call) {
		result := resultOf(call.Err)
		p.seconds.WithLabelValues(offloadProvider, label(op), result).Observe(call.Took.Seconds())
		p.unreadable.WithLabelValues(offloadProvider).Add(float64(call.Lost))
		endSpan(result, call.Err == nil)
	}
}

// label returns the label of an operation of offloadapi.
func label(op string) string { return strings.ReplaceAll(op, " ", "_") }

// The results of calls that a provider refuses because of the account.
const (
	resultUnauthorized = "unauthorized"
	resultForbidden    = "forbidden"
	resultUsageLimit   = "usage_limit"
)

// resultOf returns the result label of a call. It checks special cases first: a 401 is also ErrRefused.
func resultOf(err error) string {
	for _, known := range []struct {
		err  error
		word string
	}{
		{offloadapi.ErrUnauthorized, resultUnauthorized},
		{offloadapi.ErrForbidden, resultForbidden},
		{offloadapi.ErrNotFound, "not_found"},
		{offloadapi.ErrUsageLimit, resultUsageLimit},
		{offloadapi.ErrThrottled, "throttled"},
		{offloadapi.ErrInvalidResponse, "unreadable"},
		{offloadapi.ErrResponseTooLarge, "unreadable"},
		{offloadapi.ErrNotSent, "not_sent"},
		{offloadapi.ErrRefused, "refused"},
		{offloadapi.ErrUncertain, "uncertain"},
	} {
		if errors.Is(err, known.err) {
			return known.word
		}
	}
	if err != nil {
		return "failed"
	}
	return "ok"
}
