package ingress_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// Whatever is posted wherever: the answer is one of the table, and only what a credential proves reaches the inbox, in a form that
// the inbox accepts.
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
		server, err := ingress.New(config(), ingress.Parts{Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
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
		require.Equal(t, "offload-case/order-1", d.Lane, "the only case whose token there is")
	})
}

func secrets(tb testing.TB) hook.Secrets {
	tb.Helper()
	s, err := hook.NewSecrets(agentSecret)
	require.NoError(tb, err)
	return s
}
