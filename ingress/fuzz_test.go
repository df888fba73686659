package ingress_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// memory is an inbox that only appends.
type memory struct {
	inbox.Store
	kept []inbox.Delivery
}

func (m *memory) Append(_ context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	prepared, err := inbox.Prepare(deliveries)
	if err != nil {
		return nil, err
	}
	m.kept = append(m.kept, prepared...)
	return make([]inbox.Receipt, len(prepared)), nil
}

// For any body on any path, the answer is one of those that doc.go lists, and only a verified body is stored, in a form that the inbox accepts.
func FuzzRequests(f *testing.F) {
	keys, err := keyring.Generate()
	require.NoError(f, err)
	good := keys.Token(workflows.OffloadTokenContext("order-1")...)
	for _, path := range []string{
		"/webhooks/offload/order-1/" + good, "/webhooks/offload/order-1/" + good + "A", "/webhooks/offload/order-1%2F/" + good, "/webhooks/offload//" + good,
		"/webhooks/offload-shared/" + sharedSecret, "/webhooks/offload-shared/", "/webhooks/artmail/" + agent, "/webhooks/artmail/%00", "/", "/webhooks/artmail/..",
	} {
		f.Add(path, completed, "")
		f.Add(path, paused, artmail.Sign([]byte(paused), agentSecret))
		f.Add(path, `{"event_type":"x","data":{"caseId":"\u0000"}}`, "sha256=")
	}
	f.Fuzz(func(t *testing.T, path, body, signature string) {
		if u, err := url.ParseRequestURI(path); err != nil || u.Host != "" || u.Path == "" {
			return
		}
		store := &memory{}
		server, err := ingress.New(config(), ingress.Deps{Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodPost, "http://localhost/", bytes.NewReader([]byte(body)))
		request.URL, err = url.ParseRequestURI(path)
		require.NoError(t, err)
		request.Header.Set(artmail.SignatureHeader, signature)
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, request)

		require.Contains(t, []int{204, 401, 404, 405, 413}, recorder.Code)
		require.Equal(t, recorder.Code == 204, len(store.kept) == 1)
		if recorder.Code != 204 {
			return
		}
		d := store.kept[0]
		if d.Provider == artmail.Name {
			require.NoError(t, artmail.Verify([]byte(body), hook.Signatures([]string{signature}), secrets(t)))
			return
		}
		if offload.IsSharedLane(d.Lane) {
			require.Contains(t, path, "/webhooks/offload-shared/")
			return
		}
		require.Equal(t, "offload-case/order-1", d.Lane, "the fuzzer has the token of this case only")
	})
}

func secrets(tb testing.TB) hook.Secrets {
	tb.Helper()
	s, err := hook.NewSecrets(agentSecret)
	require.NoError(tb, err)
	return s
}

// With any signatures in any number of header lines, the body is accepted only if one of the first eight verifies it.
func FuzzSignatureHeaders(f *testing.F) {
	keys, err := keyring.Generate()
	require.NoError(f, err)
	good := artmail.Sign([]byte(paused), agentSecret)
	for _, lines := range [][2]string{
		{good, ""}, {"", good}, {"sha256=" + good, "x"}, {good[1:], good + "0"}, {strings.Repeat("0,", 8), good}, {strings.ToUpper(good), ","}, {"\x00", "ï¼"},
	} {
		f.Add(lines[0], lines[1], paused)
		f.Add(lines[0], lines[1], strings.Repeat(" ", 70<<10))
	}
	f.Fuzz(func(t *testing.T, first, second, body string) {
		store := &memory{}
		server, err := ingress.New(config(), ingress.Deps{Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
		require.NoError(t, err)
		post := func(agent string) (int, string) {
			request := httptest.NewRequest(http.MethodPost, "/webhooks/artmail/"+agent, strings.NewReader(body))
			request.Header[artmail.SignatureHeader] = []string{first, second}
			recorder := httptest.NewRecorder()
			server.Handler().ServeHTTP(recorder, request)
			return recorder.Code, recorder.Body.String()
		}
		status, text := post(agent)
		require.Contains(t, []int{204, 401, 413}, status)
		if status == 204 {
			require.NoError(t, artmail.Verify([]byte(body), hook.Signatures([]string{first, second}), secrets(t)))
			require.Len(t, store.kept, 1)
			return
		}
		require.Empty(t, store.kept)
		otherStatus, otherText := post("nobody")
		require.Equal(t, status, otherStatus, "an agent that does not exist")
		require.Equal(t, text, otherText)
	})
}

// A stranger can't choose its source by X-Forwarded-For; a stranger behind a trusted proxy can't choose the source of another sender.
func FuzzForwardedFor(f *testing.F) {
	keys, err := keyring.Generate()
	require.NoError(f, err)
	for _, header := range []string{
		"203.0.113.7", "203.0.113.7, 198.51.100.1", "10.0.0.1, 10.0.0.2", "x", "", ",", "::ffff:203.0.113.7", "fe80::1%eth0", "2001:db8::1", "[2001:db8::1]:443", "203.0.113.7:80", strings.Repeat("1.1.1.1,", 500),
	} {
		f.Add(header)
	}
	c := config()
	c.Refusals, c.RefusalsPerSecond = 1, 0.001
	post := func(server *ingress.Server, peer string, header ...string) int {
		request := httptest.NewRequest(http.MethodPost, "/webhooks/offload/order-1/x", strings.NewReader(completed))
		request.RemoteAddr = peer + ":1234"
		request.Header["X-Forwarded-For"] = header
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, request)
		return recorder.Code
	}
	f.Fuzz(func(t *testing.T, header string) {
		server := func(proxies ...netip.Prefix) *ingress.Server {
			c := c
			c.TrustedProxies = proxies
			s, err := ingress.New(c, ingress.Deps{Keys: keys, Inbox: &memory{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
			require.NoError(t, err)
			return s
		}
		direct := server()
		require.Equal(t, 401, post(direct, "192.0.2.1", header))
		require.Equal(t, 429, post(direct, "192.0.2.1", "203.0.113.99"), "the peer counts")
		require.Equal(t, 401, post(direct, "192.0.2.2", header), "another peer is another source")

		// The proxy appends the peer that it sees; the addresses before it, written by the sender, do not count.
		behind := server(netip.MustParsePrefix("10.0.0.0/8"))
		require.Equal(t, 401, post(behind, "10.0.0.1", header, "203.0.113.7"))
		require.Equal(t, 429, post(behind, "10.0.0.1", "203.0.113.7"))
		require.Equal(t, 429, post(behind, "203.0.113.7", header))
		require.Equal(t, 401, post(behind, "10.0.0.1", header, "203.0.113.8"))
	})
}
