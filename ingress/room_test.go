package ingress_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	forgerAddress = "203.0.113.7"
	trueAddress   = "198.51.100.1"
)

// activate posts an activation with a bad signature from an address.
func (f *fixture) activate(t *testing.T, address, id string) {
	t.Helper()
	body := fmt.Sprintf(`{"type":"agent.activated","activationId":%q,"apiKey":"art_key"}`, id)
	got := f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "wrong"), "X-Forwarded-For", address)
	require.Equal(t, 401, got.status)
}

// activationsKept returns the IDs of the quarantined activations.
func (f *fixture) activationsKept(t *testing.T) (ids []string) {
	t.Helper()
	for _, d := range f.kept(t) {
		if d.State == inbox.StateQuarantined {
			_, rest, _ := strings.Cut(f.opened(t, d), `"activationId":"`)
			id, _, _ := strings.Cut(rest, `"`)
			ids = append(ids, id)
		}
	}
	return ids
}

// Behind a proxy that is not trusted, forged and true activations have one source.
func TestATrueActivationAfterAHundredForgedOnesOfItsSourceIsKept(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals = 10_000
	f := start(t, c, nil)
	for n := range 100 {
		f.activate(t, forgerAddress, fmt.Sprint("forged-", n))
	}
	f.activate(t, trueAddress, "true")
	require.NoError(t, f.stop())
	require.Contains(t, f.activationsKept(t), "true")
}

func TestAFloodOfOneSourceAboveTheQuarantinesRoomDisplacesNoOther(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals = 10_000
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Quarantine = ingress.QuarantineConfig{Keep: 20, SourcePerHour: 4}
	now := &clock{}
	f := startAt(t, now.now, c, nil)
	f.activate(t, trueAddress, "before")
	for n := range 60 {
		f.activate(t, forgerAddress, fmt.Sprint("forged-", n))
	}
	eventually(t, "the quarantine is full", func() bool { return len(f.kept(t)) == 20 })
	f.activate(t, trueAddress, "after")
	for n := range 60 { // the attacker's allowance comes back, and is used
		now.add(time.Minute)
		f.activate(t, forgerAddress, fmt.Sprint("again-", n))
	}
	require.NoError(t, f.stop())
	kept := f.activationsKept(t)
	require.Len(t, kept, 20)
	require.Contains(t, kept, "before")
	require.Contains(t, kept, "after")
}

func TestAPurgeOfTheQuarantineMakesRoomForActivations(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals = 10_000
	c.Quarantine = ingress.QuarantineConfig{Keep: 10, SourcePerHour: 1}
	now := &clock{}
	f := startAt(t, now.now, c, nil)
	for n := range 30 {
		f.activate(t, forgerAddress, fmt.Sprint("forged-", n))
	}
	eventually(t, "the quarantine is full", func() bool { return len(f.kept(t)) == 10 })
	_, err := f.store.Purge(t.Context(), inbox.PurgeRequest{Now: now.now(), RowsBefore: now.now().Add(time.Minute)})
	require.NoError(t, err)
	eventually(t, "a retry is kept", func() bool {
		now.add(time.Second)
		f.activate(t, forgerAddress, "true")
		return len(f.kept(t)) > 0
	})
	require.NoError(t, f.stop())
	require.Equal(t, []string{"true"}, f.activationsKept(t))
}

func TestARepetitionTakesNoRoomOfOtherActivations(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals = 10_000
	c.Quarantine = ingress.QuarantineConfig{Keep: 10, SourcePerHour: 1}
	f := startAt(t, (&clock{}).now, c, nil)
	for range 12 {
		f.activate(t, forgerAddress, "repeated")
		eventually(t, "it is kept", func() bool { return len(f.kept(t)) == 1 })
	}
	eventually(t, "the repetitions are counted", func() bool { return f.kept(t)[0].Duplicates == 11 })
	eventually(t, "another is kept without a new count", func() bool {
		f.activate(t, forgerAddress, "other")
		return len(f.kept(t)) == 2
	})
	require.NoError(t, f.stop())
}
