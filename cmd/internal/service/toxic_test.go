package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/badnetwork"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// newNetwork returns a bad network to a database, and the database's address over it.
func newNetwork(t *testing.T, address string) (*badnetwork.Network, string) {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	query := parsed.Query()
	network, err := badnetwork.New("127.0.0.1:0", filepath.Join(query.Get("host"), ".s.PGSQL.5432"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, network.Close()) })
	query.Del("host")
	query.Set("sslmode", "disable")
	parsed.Host, parsed.RawQuery = network.Address(), query.Encode()
	return network, parsed.String()
}

// answer is what one post got.
type answer struct {
	event  string
	status int
	took   time.Duration
	err    error
}

// sendEvent posts an event of a new case.
func sendEvent(sender *http.Client, url string, ring *keyring.Ring, event string) answer {
	path := workflows.OffloadWebhookPath(event, ring.Token(workflows.OffloadTokenContext(event)...))
	// Of a size that a slow network takes some time for.
	body := fmt.Sprintf(`{"event_id":%q,"event_type":"case.completed","data":{"caseId":%q,"status":"COMPLETED","result":%q}}`, event, event, strings.Repeat("x", 4000))
	began := time.Now()
	response, err := sender.Post(url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return answer{event: event, err: err}
	}
	return answer{event, response.StatusCode, time.Since(began), response.Body.Close()}
}

// sendEvents posts events from several senders at a time.
func sendEvents(sender *http.Client, url string, ring *keyring.Ring, events []string) []answer {
	const senders = 8
	answers := make([]answer, len(events))
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := s; i < len(events); i += senders {
				answers[i] = sendEvent(sender, url, ring, events[i])
			}
		})
	}
	sending.Wait()
	return answers
}

// store sends events until all are stored: on a busy machine one may not be in time.
func store(t *testing.T, sender *http.Client, url string, ring *keyring.Ring, events ...string) {
	t.Helper()
	testenv.Eventually(t, func(context.Context) (again []string, err error) {
		for _, a := range sendEvents(sender, url, ring, events) {
			if a.err == nil {
				require.Contains(t, []int{204, 503}, a.status)
			}
			if a.status != 204 {
				again, err = append(again, a.event), errors.Join(err, a.err)
			}
		}
		events = again
		return again, err
	}, func(again []string) bool { return len(again) == 0 })
}

func TestABadNetworkToTheDatabaseLosesNoAcknowledgedWebhook(t *testing.T) {
	t.Parallel()
	const (
		count = 48
		// What a webhook of Offload may take to be stored, and what a busy machine adds.
		budget, slack = 8 * time.Second, time.Minute
	)
	all, some, none := count, 1, 0
	for name, c := range map[string]struct {
		toxics []string
		// least and most are how many events are accepted while the network is bad.
		least, most int
		events      int
	}{
		"latency":                       {[]string{badnetwork.SlowRequests, badnetwork.SlowResponses}, some, all, count},
		"little bandwidth":              {[]string{badnetwork.LowBandwidth}, some, all, count},
		"half-open, no response":        {[]string{badnetwork.NoResponses}, none, none, 8},
		"half-open, no request":         {[]string{badnetwork.NoRequests}, none, none, 8},
		"reset at once":                 {[]string{badnetwork.Resets}, none, none, 8},
		"half of the connections reset": {[]string{badnetwork.HalfReset}, some, all, count},
		// In the middle of some answer, which may be that to a commit.
		"each connection cut": {[]string{badnetwork.Cuts}, some, all, count},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := pgtest.Shared(t).Database(t)
			network, address := newNetwork(t, direct)
			settings, ring := receiver(t), newRing(t)
			settings.Inbox = address
			r := run(t, settings, config.Ingress, ring, client.Options{HostPort: nowhere})
			r.becomes(t, "inbox", true)
			sender := newPoster(t)
			sender.Timeout = 2 * time.Minute
			name := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			first := name + "-before"
			store(t, sender, r.url, ring, first)

			require.NoError(t, network.Harm(c.toxics...))
			var events []string
			for i := range c.events {
				events = append(events, fmt.Sprintf("%s-%d", name, i))
			}
			accepted := map[string]bool{first: true}
			var refused []string
			for _, a := range sendEvents(sender, r.url, ring, events) {
				require.NoError(t, a.err)
				require.Contains(t, []int{204, 503}, a.status)
				require.Less(t, a.took, budget+slack)
				if a.status == 204 {
					accepted[a.event] = true
				} else {
					refused = append(refused, a.event)
				}
			}
			t.Logf("%d accepted, %d refused", len(accepted)-1, len(refused))
			require.GreaterOrEqual(t, len(accepted)-1, c.least)
			require.LessOrEqual(t, len(accepted)-1, c.most)
			require.Equal(t, stored(t, direct, accepted), len(accepted), "what was acknowledged is there")

			network.Heal(t.Context())
			r.becomes(t, "inbox", true)
			// Again what was refused, and all that was accepted: each may have been stored already.
			again := append(refused, name+"-after", first)
			store(t, sender, r.url, ring, again...) // it recovers without a restart
			for _, event := range again {
				accepted[event] = true
			}
			require.Equal(t, c.events+2, stored(t, direct, accepted))
			require.Equal(t, c.events+2, len(accepted))
		})
	}
}

// stored counts the deliveries of events, and fails where one is stored twice.
func stored(t *testing.T, address string, events map[string]bool) (found int) {
	t.Helper()
	store, err := storage.OpenExisting(t.Context(), address)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	page, err := store.List(t.Context(), inbox.Filter{Limit: inbox.MaxPage})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	lanes := map[string]bool{}
	for _, d := range page.Deliveries {
		require.NotContains(t, lanes, d.Lane, "stored twice")
		lanes[d.Lane] = true
	}
	for event := range events {
		if lanes[workflows.OffloadCaseWorkflowID(event)] {
			found++
		}
	}
	return found
}

func TestFrozenConnectionsToTheDatabaseAreReplaced(t *testing.T) {
	t.Parallel()
	// The store gives a connection up after 5 s, so that a webhook of Offload is stored within its 8 s.
	const budget, slack = 8 * time.Second, time.Minute
	direct := pgtest.Shared(t).Database(t)
	network, address := newNetwork(t, direct)
	settings, ring := receiver(t), newRing(t)
	settings.Inbox = address
	r := run(t, settings, config.Ingress, ring, client.Options{HostPort: nowhere})
	r.becomes(t, "inbox", true)
	sender := newPoster(t)
	sender.Timeout = 2 * time.Minute
	accepted := map[string]bool{}
	accept := func(name string) {
		t.Helper()
		var events []string
		for i := range 24 {
			events = append(events, fmt.Sprintf("%s-%d", name, i))
		}
		store(t, sender, r.url, ring, events...)
		for _, event := range events {
			accepted[event] = true
		}
	}
	for tries := 1; ; tries++ {
		accept(fmt.Sprint("before-", tries))
		network.Freeze()
		first := sendEvent(sender, r.url, ring, fmt.Sprint("first-", tries))
		require.NoError(t, first.err)
		require.Less(t, first.took, budget+slack)
		accepted[first.event] = true
		accept(fmt.Sprint("after-", tries))
		if first.status == 204 {
			break
		}
		require.Less(t, tries, 5, "it is not stored by another connection within its budget")
		store(t, sender, r.url, ring, first.event)
	}
	require.Equal(t, len(accepted), stored(t, direct, accepted))
}
