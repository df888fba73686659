package ingress_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (f *fixture) releaser(tb testing.TB, agents map[string][]string) *ingress.Releaser {
	tb.Helper()
	r, err := ingress.NewReleaser(agents, f.keys, f.store, time.Now)
	require.NoError(tb, err)
	return r
}

// The configured secret is wrong, and forgeries mix with true events. After the correction a release lets in the true ones only.
func TestAReleaseAfterACorrectedSecretAcceptsTrueEventsOnly(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"a wrong secret"}
	f := startAt(t, time.Now, c, nil)
	refused := func(body, secret string) {
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), secret)).status)
	}
	activated := `{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`
	refused(activated, agentSecret)
	refused(paused, agentSecret)
	refused(paused, agentSecret) // Artmail tries again
	refused(ping, agentSecret)
	refused(`{`, agentSecret)
	for n := range 3 {
		refused(fmt.Sprintf(`{"type":"agent.activated","activationId":"forged%d"}`, n), "guess")
	}
	require.NoError(t, f.stop())
	stopped := time.Now()
	require.Len(t, f.kept(t), 7)

	still, err := f.releaser(t, c.Agents).Release(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Refused: 7}, still, "nothing gets in by the wrong secret")

	mended := map[string][]string{agent: {"a wrong secret", agentSecret}}
	other, err := f.releaser(t, mended).Release(t.Context(), "another agent")
	require.NoError(t, err)
	require.Zero(t, other)

	done, err := f.releaser(t, mended).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 4, Refused: 3}, done)
	byState := map[inbox.State][]inbox.Delivery{}
	for _, d := range f.kept(t) {
		byState[d.State] = append(byState[d.State], d)
	}
	require.Len(t, byState[inbox.StateQuarantined], 3, "the forgeries")
	require.Len(t, byState[inbox.StatePending], 2)
	require.Len(t, byState[inbox.StateDead], 1)
	require.Len(t, byState[inbox.StateIgnored], 5, "the ping, and four that were released")

	lanes, err := f.store.Claim(t.Context(), inbox.ClaimRequest{Owner: "test", Now: time.Now(), Lease: time.Minute, MaxLanes: 10, MaxPerLane: 10})
	require.NoError(t, err)
	require.Len(t, lanes, 1)
	require.Equal(t, "artmail-activation/copywriter/a1", lanes[0].Name)
	require.Equal(t, []string{"agent.activated", "agent.paused"}, []string{lanes[0].Deliveries[0].Kind, lanes[0].Deliveries[1].Kind}, "in order of arrival")
	require.True(t, lanes[0].Deliveries[0].ReceivedAt.Before(stopped), "with the original arrival time")
	require.Equal(t, activated, f.opened(t, lanes[0].Deliveries[0]))

	again, err := f.releaser(t, mended).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Refused: 3}, again)
}

// The ingress may take larger bodies than by default.
func TestAReleaseInflatesABodyAsTheIngressDoes(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxBody = 4 << 20
	c.Agents[agent] = []string{"a wrong secret"}
	f := start(t, c, nil)
	body := gzipped(t, `{"type":"agent.activated","activationId":"a1","apiKey":"k","more":"`+strings.Repeat("x", 2<<20)+`"}`)
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), agentSecret)).status)
	require.NoError(t, f.stop())
	done, err := f.releaser(t, map[string][]string{agent: {agentSecret}}).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 1}, done)
	require.True(t, slices.ContainsFunc(f.kept(t), func(d inbox.Delivery) bool { return d.State == inbox.StatePending }), "it is not dead")
}

func TestAReleaseRefusesAnEmptySecret(t *testing.T) {
	t.Parallel()
	_, err := ingress.NewReleaser(map[string][]string{agent: {""}}, nil, nil, time.Now)
	require.ErrorIs(t, err, hook.ErrEmptySecret)
}

// A delivery that a lost keyring sealed does not block the release of the others. A purge keeps quarantined bodies.
func TestAPurgeOrALostKeyringDoesNotBlockARelease(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"a wrong secret"}
	f := start(t, c, nil)
	refused := func(activation string) {
		body := fmt.Sprintf(`{"type":"agent.activated","activationId":%q,"timestamp":1774131900000,"apiKey":"k"}`, activation)
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), agentSecret)).status)
	}
	refused("old")
	eventually(t, "it is kept", func() bool { return len(f.kept(t)) == 1 })
	purged, err := f.store.Purge(t.Context(), inbox.PurgeRequest{BodiesBefore: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.Zero(t, purged.Bodies)
	other, err := keyring.Generate()
	require.NoError(t, err)
	sealed, err := other.Seal([]byte("x"), hook.BodyContext(artmail.Name, "", "lost")...)
	require.NoError(t, err)
	_, err = f.store.Append(t.Context(), []inbox.Delivery{{
		ID: inbox.NewID(time.Now()), Provider: artmail.Name, Scope: agent, Body: sealed, ReceivedAt: time.Now(), State: inbox.StateQuarantined,
	}})
	require.NoError(t, err)
	refused("new")
	require.NoError(t, f.stop())

	done, err := f.releaser(t, map[string][]string{agent: {agentSecret}}).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 2, Unreadable: 1}, done)
}

// trimmed is an inbox that loses a delivery between List and Get.
type trimmed struct {
	inbox.Store
	id string
}

func (s trimmed) Get(ctx context.Context, id string) (inbox.Delivery, error) {
	if id == s.id {
		return inbox.Delivery{}, inbox.ErrNotFound
	}
	return s.Store.Get(ctx, id)
}

func TestADeliveryThatIsRemovedDuringAReleaseDoesNotBlockIt(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"a wrong secret"}
	f := start(t, c, nil)
	for n := range 3 {
		body := fmt.Sprintf(`{"type":"agent.activated","activationId":"a%d","timestamp":1774131900000}`, n)
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), agentSecret)).status)
	}
	require.NoError(t, f.stop())
	kept := f.kept(t)
	require.Len(t, kept, 3)
	r, err := ingress.NewReleaser(map[string][]string{agent: {agentSecret}}, f.keys, trimmed{f.store, kept[1].ID}, time.Now)
	require.NoError(t, err)
	done, err := r.Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 2, Unreadable: 1}, done)
}

// The secret becomes wrong a second time, and an event comes again that was released before: it is a duplicate in the quarantine.
func TestAReleasedEventIsNotAcceptedASecondTime(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"a wrong secret"}
	f := start(t, c, nil)
	mended := f.releaser(t, map[string][]string{agent: {agentSecret}})
	refused := func(body string, duplicates int) {
		t.Helper()
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), agentSecret)).status)
		eventually(t, "it is kept", func() bool {
			n := 0
			for _, d := range f.kept(t) {
				n += d.Duplicates
			}
			return n == duplicates
		})
	}
	refused(paused, 0)
	eventually(t, "it is kept", func() bool { return len(f.kept(t)) == 1 })
	done, err := mended.Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 1}, done)
	refused(paused, 1)
	done, err = mended.Release(t.Context(), agent)
	require.NoError(t, err)
	require.Zero(t, done)
	require.Len(t, f.kept(t), 2)
}
