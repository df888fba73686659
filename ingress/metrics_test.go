package ingress_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestMetricsShowCommitsQueueAndBudgets(t *testing.T) {
	t.Parallel()
	held := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		held.Store = s
		return held
	})
	before := f.metrics(t)
	for _, line := range []string{
		`signalbox_webhooks_total{outcome="unavailable",provider="artmail"} 0`,
		`signalbox_artmail_bad_signatures_total{kept="queue_full"} 0`,
		"signalbox_inbox_queue_deliveries 0",
		"signalbox_inbox_commit_seconds_count 0",
		`signalbox_body_bytes{budget="verified"} 0`,
		`signalbox_body_bytes{budget="unverified"} 0`,
	} {
		require.Contains(t, before, line, "a rate needs a value to start from")
	}
	require.NotContains(t, before, `signalbox_body_limit_bytes{budget="verified"} 0`)

	posted := make(chan answer, 1)
	go func() { posted <- f.post(t, f.offloadPath("order-1"), completed) }()
	<-held.entered
	during := f.metrics(t)
	require.Contains(t, during, "signalbox_inbox_queue_deliveries 1")
	require.Contains(t, during, `signalbox_body_bytes{budget="verified"} 4096`, "a body holds its buffer until it is stored")
	close(held.leave)
	require.Equal(t, 204, (<-posted).status)
	after := f.metrics(t)
	require.Contains(t, after, "signalbox_inbox_queue_deliveries 0")
	require.Contains(t, after, "signalbox_inbox_commit_seconds_count 1")
}
