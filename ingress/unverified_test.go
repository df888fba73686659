package ingress_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// clock is a clock that a test moves. It starts at the real time, since the deadlines of connections are real.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) add(d time.Duration) { c.ahead.Add(int64(d)) }

// stall opens connections that announce 1 MiB and send half of it.
func (f *fixture) stall(t *testing.T, path string, connections int) []net.Conn {
	t.Helper()
	half := strings.Repeat(" ", 512<<10)
	all := make([]net.Conn, connections)
	var sent sync.WaitGroup
	for i := range all {
		all[i] = f.connect(t)
		sent.Go(func() {
			// The server may cut the connection, so an error is not a failure.
			_, _ = fmt.Fprintf(all[i], "POST %s HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s", path, artmail.SignatureHeader, strings.Repeat("0", 64), 1<<20, half)
		})
	}
	sent.Wait()
	return all
}

func TestABadTokenIsAnsweredBeforeItsBodyComes(t *testing.T) {
	t.Parallel()
	f := startAt(t, time.Now, config(), nil)
	for _, path := range []string{"/webhooks/offload/order-1/" + strings.Repeat("A", 50), "/webhooks/offload-shared/guess"} {
		for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
			for _, size := range []int{500, 1 << 20, 1 << 40} {
				conn := f.connect(t)
				_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n", path, size, expect)
				require.NoError(t, err)
				require.Equal(t, 401, statusOn(t, conn))
				closedByServer(t, conn)
			}
		}
		whole := f.connect(t)
		begin(t, whole, path, len(completed), completed)
		require.Equal(t, 401, statusOn(t, whole))
		closedByServer(t, whole)
	}
}

func TestStalledUnverifiedSendersDoNotBlockVerifiedOnes(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/webhooks/artmail/nobody", "/webhooks/artmail/" + agent} {
		for _, connections := range []int{17, 200} {
			t.Run(fmt.Sprint(connections, " at ", path), func(t *testing.T) {
				t.Parallel()
				c := config()
				c.MaxInFlight = 16 << 20 // 4 MiB of it for the unverified
				f := start(t, c, nil)
				f.stall(t, path, connections)
				large := completed + strings.Repeat(" ", 1<<20-len(completed))
				for n := range 20 {
					require.Equal(t, 204, f.post(t, f.offloadPath(fmt.Sprint("order-", n)), large).status)
					require.Equal(t, 204, f.postArtmail(t, paused).status)
					require.Equal(t, 401, f.post(t, path, paused).status)
				}
			})
		}
	}
}

func TestTheSlowestUnverifiedSenderIsCutToMakeRoom(t *testing.T) {
	t.Parallel()
	c := config()
	c.MaxBody, c.MaxUnverifiedInFlight = 64<<10, 100<<10
	f := start(t, c, nil)
	slow := f.connect(t)
	begin(t, slow, "/webhooks/artmail/"+agent, 60<<10, strings.Repeat(" ", 60<<10-1))
	eventually(t, "the slow one has its buffer", func() bool {
		return strings.Contains(f.metrics(t), `signalbox_body_bytes{budget="unverified"} 65536`)
	})
	// The next sender needs its place.
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, strings.Repeat(" ", 60<<10)).status)
	eventually(t, "the slow one is cut", func() bool {
		return strings.Contains(f.metrics(t), `outcome="no_room",provider="artmail"} 1`)
	})
	require.Equal(t, 503, statusOn(t, slow))
	_, _ = io.WriteString(slow, " ") // ends the body, which the server skips
	closedByServer(t, slow)
}

func TestAVerifiedBodyThatWaitsForTheDiskIsNotCountedAsUnverified(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	c := config()
	c.MaxBody, c.MaxUnverifiedInFlight = 64<<10, 100<<10
	f := start(t, c, func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	large := paused + strings.Repeat(" ", 60<<10)
	first := make(chan answer, 1)
	go func() { first <- f.postArtmail(t, large) }()
	<-store.entered
	forged := f.post(t, "/webhooks/artmail/stranger", large, artmail.SignatureHeader, artmail.Sign([]byte(large), "guess"))
	require.Equal(t, 401, forged.status, "there is room for it")
	close(store.leave)
	require.Equal(t, 204, (<-first).status)
}

func TestAnUnverifiedBodyMustArriveAtAMinimumRate(t *testing.T) {
	t.Parallel()
	// The server computes deadlines with its clock: a clock that is behind makes them come early.
	behind := &clock{}
	behind.add(-time.Second)
	f := startAt(t, behind.now, config(), nil)
	stalled, verified := f.connect(t), f.connect(t)
	beginReading(t, verified, f.offloadPath("order-1"), len(completed))
	begin(t, stalled, "/webhooks/artmail/"+agent, 500, "{")
	require.Equal(t, 408, statusOn(t, stalled))
	closedByServer(t, stalled)
	_, err := io.WriteString(verified, completed)
	require.NoError(t, err)
	require.Equal(t, 204, statusOn(t, verified), "only the unverified must hurry")
}

func TestABodyThatEndsBeforeItsLengthIsAnsweredWith400(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	for _, path := range []string{f.offloadPath("order-1"), "/webhooks/artmail/" + agent} {
		conn := f.connect(t)
		begin(t, conn, path, len(completed), completed[:10])
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		require.Equal(t, 400, statusOn(t, conn))
	}
	require.NoError(t, f.stop())
	require.Empty(t, f.kept(t))
}

// A commit may take longer than reading the body, so the read deadline must not end the wait for it.
func TestTheDeadlineOfABodyEndsWithTheBody(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	behind := &clock{}
	behind.add(-1900 * time.Millisecond)
	f := startAt(t, behind.now, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	conn := f.connect(t)
	post := func() {
		_, err := fmt.Fprintf(conn, "POST /webhooks/artmail/%s HTTP/1.1\r\nHost: x\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s", agent, artmail.SignatureHeader, artmail.Sign([]byte(paused), agentSecret), len(paused), paused)
		require.NoError(t, err)
	}
	post()
	<-store.entered
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "%v", err)
	close(store.leave)
	require.Equal(t, 204, statusOn(t, conn))
	post()
	require.Equal(t, 204, statusOn(t, conn), "the connection goes on")
}

func TestBadSignaturesFromOneSourceAreAnsweredWith429AndStillQuarantined(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals, c.RefusalsPerSecond = 3, 0.001
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, c, nil)
	forge := func(address, agent string, n int) answer {
		body := fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)
		return f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "guess"), "X-Forwarded-For", address)
	}
	for n := range 3 {
		require.Equal(t, 401, forge("203.0.113.7", agent, n).status)
	}
	known, unknown := forge("203.0.113.7", agent, 3), forge("203.0.113.7", "nobody", 3)
	for _, got := range []answer{known, unknown} {
		require.Equal(t, 429, got.status)
		require.NotEmpty(t, got.header.Get("Retry-After"))
	}
	require.Equal(t, known.body, unknown.body)
	require.Equal(t, 429, f.post(t, "/webhooks/offload/order-1/x", completed, "X-Forwarded-For", "203.0.113.7").status, "both routes share the limit")

	true1 := f.post(t, "/webhooks/artmail/"+agent, paused, artmail.SignatureHeader, signature(paused), "X-Forwarded-For", "203.0.113.7")
	require.Equal(t, 204, true1.status, "a verified post is never refused for its source")
	require.Equal(t, 401, forge("203.0.113.8", agent, 4).status)
	require.NoError(t, f.stop())
	counts, err := f.store.Counts(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, counts[inbox.StateQuarantined], "one of them was answered with 429")
}

func TestNoAnswerRevealsWhetherAnAgentExists(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals = 10_000
	f := start(t, c, nil)
	bogus := strings.Repeat("0", 64)
	for name, tt := range map[string]struct {
		size      int
		signature string
		status    int
	}{
		"unsigned":                     {100, "", 401},
		"unsigned, at the small cap":   {64 << 10, "", 401},
		"unsigned, over the small cap": {64<<10 + 1, "", 413},
		"malformed signature":          {64<<10 + 1, "sha256=x", 413},
		"signed, over the small cap":   {64<<10 + 1, bogus, 401},
		"signed, at the cap":           {1 << 20, "sha256=" + bogus, 401},
		"signed, over the cap":         {1<<20 + 1, bogus, 413},
	} {
		for _, chunked := range []bool{false, true} {
			var bodies []string
			for _, agent := range []string{agent, "nobody", "%00", strings.Repeat("x", 300)} {
				var body io.Reader = strings.NewReader(strings.Repeat(" ", tt.size))
				if chunked {
					body = io.MultiReader(body)
				}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/webhooks/artmail/"+agent, body)
				require.NoError(t, err)
				request.Header.Set(artmail.SignatureHeader, tt.signature)
				response, err := f.client.Do(request)
				require.NoError(t, err)
				require.Equal(t, tt.status, response.StatusCode, "%s: %s", name, agent)
				got, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.NoError(t, response.Body.Close())
				response.Header.Del("X-Request-Id")
				response.Header.Del("Date")
				bodies = append(bodies, fmt.Sprint(response.Header, string(got)))
			}
			for _, other := range bodies[1:] {
				require.Equal(t, bodies[0], other, name)
			}
		}
	}
}

// The agent has a new secret, but Signalbox still has the old one. Then a stranger forges activations.
func TestForgedActivationsOfOneSourceDisplaceNoTrueOne(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"the old secret"}
	f := start(t, c, nil)
	require.Equal(t, 401, f.postArtmail(t, activated).status)
	refused := map[int]int{}
	for n := range 1200 {
		body := fmt.Sprintf(`{"type":"agent.activated","activationId":"forged%d","apiKey":"k"}`, n)
		refused[f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, artmail.Sign([]byte(body), "guess")).status]++
	}
	require.Equal(t, 1200, refused[401]+refused[429])
	require.Positive(t, refused[429])
	require.NoError(t, f.stop())
	counts, err := f.store.Counts(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, counts[inbox.StateQuarantined], int64(500), "no more than fit")

	done, err := f.releaser(t, map[string][]string{agent: {agentSecret}}).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, 1, done.Accepted)
	pending, err := f.store.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.StatePending}})
	require.NoError(t, err)
	require.Equal(t, "agent.activated/a1", pending.Deliveries[0].DedupeKey)
}

func TestTheQuarantineAllowanceOfASourceComesBackWithTime(t *testing.T) {
	t.Parallel()
	c := config()
	c.Quarantine = ingress.QuarantineConfig{Keep: 100, SourcePerHour: 2}
	now := &clock{}
	f := startAt(t, now.now, c, nil)
	n := 0
	forge := func() {
		n++
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)).status)
	}
	quarantined := func(kept string) bool {
		return strings.Contains(f.metrics(t), "signalbox_artmail_bad_signatures_total{"+kept)
	}
	for range 3 {
		forge()
	}
	require.True(t, quarantined(`kept="yes"} 2`) && quarantined(`kept="rate_limited"} 1`))
	now.add(31 * time.Minute)
	forge()
	forge()
	require.True(t, quarantined(`kept="yes"} 3`) && quarantined(`kept="rate_limited"} 2`))
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, activated).status)
	require.True(t, quarantined(`kept="yes"} 4`), "activations have their own bound")
}

func TestManySourcesFillAQuarantineAtABoundedRate(t *testing.T) {
	t.Parallel()
	c := config()
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Quarantine = ingress.QuarantineConfig{Keep: 10}
	f := start(t, c, nil)
	for n := range 30 {
		body := fmt.Sprintf(`{"type":"agent.paused","activationId":"a%d"}`, n)
		require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, body, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)).status)
	}
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="yes"} 10`)
	require.Contains(t, f.metrics(t), `signalbox_artmail_bad_signatures_total{kept="rate_limited"} 20`)
}

// Eight connections post forgeries of 60 kB as fast as they can, beside verified webhooks.
func TestAFloodOfForgeriesWritesABoundedAmount(t *testing.T) {
	t.Parallel()
	c := config()
	c.Quarantine.Keep = 100
	f := start(t, c, nil)
	size := func() int64 {
		s, err := f.store.Size(t.Context())
		require.NoError(t, err)
		return s.Tables + s.Log
	}
	before := size()
	filler, began := strings.Repeat("x", 60_000), time.Now()
	var flood sync.WaitGroup
	var odd atomic.Int64
	for connection := range 8 {
		flood.Go(func() {
			for n := range 200 {
				body := fmt.Sprintf(`{"type":"agent.activated","activationId":"a%d-%d","apiKey":"%s"}`, connection, n, filler)
				if status := f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, strings.Repeat("0", 64)).status; status != 401 && status != 429 {
					odd.Add(1)
				}
			}
		})
	}
	for n := range 50 {
		require.Equal(t, 204, f.post(t, f.offloadPath(fmt.Sprint("order-", n)), completed).status)
	}
	flood.Wait()
	require.Zero(t, odd.Load())
	require.NoError(t, f.stop())
	written := size() - before
	t.Logf("of %d bytes posted, the inbox grew by %d", 8*200*60_000, written)
	require.Less(t, written, int64(3*100*60_000), "the 100 bodies that fit, in the tables and in the log")
	// Two lines a minute for the requests and two for the quarantine: the first one, and one with the count.
	require.LessOrEqual(t, f.logs.FilterLevelExact(zap.WarnLevel).Len()+f.logs.FilterLevelExact(zap.InfoLevel).Len(), 12*(1+int(time.Since(began)/time.Minute)))
}

func TestRefusalsAreLoggedInSamples(t *testing.T) {
	t.Parallel()
	c := config()
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Refusals = 1000
	now := &clock{}
	f := startAt(t, now.now, c, nil)
	post := func(times int, path, address string) {
		for range times {
			require.Contains(t, []int{401, 404}, f.post(t, path, completed, "X-Forwarded-For", address).status)
		}
	}
	post(50, "/webhooks/offload/order-1/x", "203.0.113.7")
	post(5, "/webhooks/offload/order-1/x", "2001:db8:7::1")
	post(7, "/webhooks/artmail/"+agent, "203.0.113.7")
	post(3, "/webhooks/artmail/nobody-secret-name", "203.0.113.7")
	post(9, "/elsewhere", "203.0.113.7")
	now.add(time.Minute)
	post(2, "/webhooks/offload/order-1/x", "203.0.113.7")
	require.NoError(t, f.stop())

	counts, lines := map[string]int64{}, map[string]int{}
	for _, entry := range f.logs.All() {
		fields := entry.ContextMap()
		if _, sampled := fields["count"]; !sampled {
			continue
		}
		key := fmt.Sprintf("%s %s %s", fields["subject"], fields["cause"], fields["source"])
		counts[key] += fields["count"].(int64)
		lines[key]++
		text, err := json.Marshal(fields)
		require.NoError(t, err)
		for _, hidden := range []string{"203.0.113.7", "2001:db8:7::1", "127.0.0.1", "nobody-secret-name", "elsewhere", "evt_1"} {
			require.NotContains(t, string(text), hidden)
		}
	}
	require.Equal(t, map[string]int64{
		"/webhooks/offload/:reference/:token bad_token 203.0.113.0/24":       52,
		"/webhooks/offload/:reference/:token bad_token 2001:db8:7::/48":      5,
		"/webhooks/artmail/:agent bad_signature 203.0.113.0/24":              10,
		agent + " quarantined: yes 203.0.113.0/24":                           7,
		"unknown agent not kept: the agent is not configured 203.0.113.0/24": 3,
		"unknown 404 203.0.113.0/24":                                         9,
	}, counts)
	for key, n := range lines {
		require.LessOrEqual(t, n, 4, key)
	}
}

func TestTheLogIsBoundedForManySources(t *testing.T) {
	t.Parallel()
	c := config()
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, c, nil)
	const sources = 600
	for n := range sources {
		require.Equal(t, 401, f.post(t, "/webhooks/offload/order-1/x", completed, "X-Forwarded-For", fmt.Sprintf("203.%d.%d.7", n/200, n%200)).status)
	}
	require.NoError(t, f.stop())
	sampled := f.logs.FilterMessage("request refused").All()
	require.LessOrEqual(t, len(sampled), 202)
	total := int64(0)
	for _, entry := range sampled {
		total += entry.ContextMap()["count"].(int64)
	}
	require.EqualValues(t, sources, total, "none is lost")
}

func TestMetricsHoldNeitherAgentsNorAddresses(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	f.postArtmail(t, paused)
	f.post(t, "/webhooks/artmail/"+agent, paused)
	f.post(t, "/webhooks/artmail/nobody", paused)
	f.post(t, "/webhooks/offload/order-1/x", completed)
	got := f.metrics(t)
	for _, hidden := range []string{agent, "nobody", "127.0.0", "order-1"} {
		require.NotContains(t, got, hidden)
	}
	for _, line := range []string{
		`signalbox_webhooks_total{outcome="bad_signature",provider="artmail"} 2`,
		`signalbox_webhooks_total{outcome="bad_token",provider="offload"} 1`,
		`signalbox_artmail_bad_signatures_total{kept="yes"} 1`,
	} {
		require.Contains(t, got, line)
	}
}

func TestFiveThousandIdleConnectionsDoNotBlockAWebhook(t *testing.T) {
	t.Parallel()
	const most, idle = 100, 5000
	c := config()
	c.MaxConnections = most
	f := start(t, c, nil)
	closed := make(chan struct{}, idle)
	for n := range idle {
		conn := f.connect(t)
		go func() {
			_, _ = bufio.NewReader(conn).ReadByte() // it ends when the server closes it, or the test
			closed <- struct{}{}
		}()
		if n%500 == 0 {
			require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), completed).status)
		}
	}
	for range idle - most {
		<-closed
	}
	require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), completed).status)
}
