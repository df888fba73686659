package ingress_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestTheQuarantineKeepsWhatNoSecretVerifies(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	body := `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong")).status)
	require.NoError(t, f.stop())
	kept := f.kept(t)
	require.Len(t, kept, 1)
	require.Equal(t, inbox.StateQuarantined, kept[0].State)
	require.Equal(t, agent, kept[0].Scope)
	signatures, encoding, unpacked := hook.Unpack([]byte(f.opened(t, kept[0])))
	require.Equal(t, []string{artmail.Sign([]byte(body), "wrong")}, signatures)
	require.Empty(t, encoding)
	require.Equal(t, body, string(unpacked))
	require.NotEmpty(t, f.logs.FilterMessageSnippet("bad signature").All(), "it is told loudly")
}

func TestAFloodOfForgeriesPushesOutNoActivation(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents["other"] = []string{"another secret"}
	c.Quarantine = ingress.QuarantineConfig{Keep: 10}
	f := start(t, c, nil)
	forge := func(agent, body string) { require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body).status) }
	forge(agent, `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`)
	forge("other", paused)
	for n := range 60 {
		forge(agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n))
	}
	require.NoError(t, f.stop())
	kept := map[string][]inbox.Delivery{}
	for _, d := range f.kept(t) {
		kept[d.Scope] = append(kept[d.Scope], d)
	}
	require.Len(t, kept["other"], 1, "each agent has its own bound")
	require.Len(t, kept[agent], 10)
	require.Equal(t, "unverified agent.activated", kept[agent][9].Kind, "the oldest, and still there")
	require.Contains(t, f.opened(t, kept[agent][0]), `"a59"`, "the newest stay")
}

func TestTheQuarantineTakesNoLargeBodies(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, strings.Repeat("x", 65<<10)).status)
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, "").status)
	require.NoError(t, f.stop())
	require.Empty(t, f.kept(t))
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="no"} 2`)
}

// Artmail tries each event seven times. Were each try to take a place, a few dozen activations would push each other's keys out.
func TestTheTriesOfOneEventTakeOnePlace(t *testing.T) {
	t.Parallel()
	c := config()
	c.Quarantine = ingress.QuarantineConfig{Keep: 10}
	f := start(t, c, nil)
	for range 7 {
		for n := range 10 {
			body := fmt.Sprintf(`{"type":"agent.activated","activationId":"a%d","apiKey":"art_key_%d"}`, n, n)
			require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong")).status)
		}
	}
	require.NoError(t, f.stop())
	kept := f.kept(t)
	require.Len(t, kept, 10)
	for _, d := range kept {
		require.Equal(t, 6, d.Duplicates)
		require.NotContains(t, d.DedupeKey, "art_key")
	}
}

// slowStore lets the first append wait, as a disk does under a flood.
type slowStore struct {
	inbox.Store
	begun chan struct{}
	free  chan struct{}
}

func (s *slowStore) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	select {
	case s.begun <- struct{}{}:
		<-s.free
	default:
	}
	return s.Store.Append(ctx, deliveries)
}

func TestAFullQueueOfForgeriesKeepsNoActivationFromBeingWritten(t *testing.T) {
	t.Parallel()
	slow := &slowStore{begun: make(chan struct{}, 1), free: make(chan struct{})}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		slow.Store = s
		return slow
	})
	forge := func(n int) {
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)).status)
	}
	forge(0)
	eventually(t, "the disk is busy", func() bool { return len(slow.begun) == 1 })
	for n := range 300 {
		forge(n + 1)
	}
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="no"}`, "the queue is full")
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, `{"type":"agent.activated","activationId":"a1","apiKey":"art_key_1"}`).status)
	close(slow.free)
	require.NoError(t, f.stop())
	kinds := map[string]int{}
	for _, d := range f.kept(t) {
		kinds[d.Kind]++
	}
	require.Equal(t, map[string]int{"unverified": 257, "unverified agent.activated": 1}, kinds)
}
