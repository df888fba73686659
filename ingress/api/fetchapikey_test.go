package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func TestAnAuthorsWorkerFetchesItsKeyWithoutAKeyring(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	listener := httptest.NewServer(w.server)
	t.Cleanup(listener.Close)
	fetch := func(secret, agent, id string) (string, error) {
		return signalbox.FetchAPIKey(t.Context(), signalbox.FetchAPIKeyOptions{URL: listener.URL + "/", Token: secret, Client: listener.Client()}, agent, id)
	}
	const id = "brand/1%"
	become := func(state workflows.ActivationState) {
		state.Agent, state.ActivationID = "crm", id
		w.temporal.become(workflows.ArtmailActivationWorkflowID("crm", id), state)
	}
	fails := func(want error) {
		t.Helper()
		_, err := fetch(crmSecret, "crm", id)
		require.ErrorIs(t, err, want)
	}
	fails(signalbox.ErrNotFound)
	become(workflows.ActivationState{Status: workflows.ActivationUnknown})
	fails(signalbox.ErrNoAPIKeyYet)
	become(workflows.ActivationState{Status: workflows.ActivationActive, Attention: []string{workflows.AttentionNoAPIKey}})
	fails(signalbox.ErrAPIKeyLost)
	become(workflows.ActivationState{Status: workflows.ActivationDeactivated})
	fails(signalbox.ErrEnded)
	sealed, err := w.keys.Seal([]byte("art_key"), workflows.APIKeyContext("crm", id)...)
	require.NoError(t, err)
	become(workflows.ActivationState{Status: workflows.ActivationActive, SealedAPIKey: sealed})
	key, err := fetch(crmSecret, "crm", id)
	require.NoError(t, err)
	require.Equal(t, "art_key", key)

	for secret, agent := range map[string]string{crmSecret: "sales", readSecret: "crm", "no-such-token": "crm"} {
		_, err := fetch(secret, agent, id)
		require.ErrorIs(t, err, signalbox.ErrDenied)
		require.NotContains(t, err.Error(), secret)
	}
	w.store = noAudit{w.store}
	fails(signalbox.ErrUnavailable)
	for _, broken := range []error{signalbox.ErrTerminated, signalbox.ErrTimedOut, signalbox.ErrFailed} {
		w.temporal.fails = broken
		fails(broken)
	}
}

func TestFetchingAKeyTellsAnOutageBehindAProxyFromAWrongAddress(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		http.StatusBadGateway: signalbox.ErrUnavailable, http.StatusServiceUnavailable: signalbox.ErrUnavailable, http.StatusTooManyRequests: signalbox.ErrUnavailable,
		http.StatusNotFound: signalbox.ErrInvalid,
	} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>proxy</html>"))
		}))
		t.Cleanup(proxy.Close)
		_, err := signalbox.FetchAPIKey(t.Context(), signalbox.FetchAPIKeyOptions{URL: proxy.URL, Client: proxy.Client()}, "crm", "a")
		require.ErrorIs(t, err, want, status)
	}
}

func TestFetchingAKeyTellsAWrongAddress(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved/v1/activations/crm/a/api-key" {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
			return
		}
		_, _ = w.Write([]byte("<html>art_key</html>"))
	}))
	t.Cleanup(web.Close)
	for _, address := range []string{"", "localhost:8081", "ftp://x", web.URL, web.URL + "/moved"} {
		_, err := signalbox.FetchAPIKey(t.Context(), signalbox.FetchAPIKeyOptions{URL: address}, "crm", "a")
		require.ErrorIs(t, err, signalbox.ErrInvalid, address)
		require.NotContains(t, err.Error(), "art_key")
	}
	web.Close()
	_, err := signalbox.FetchAPIKey(t.Context(), signalbox.FetchAPIKeyOptions{URL: web.URL}, "crm", "a")
	require.ErrorIs(t, err, signalbox.ErrUnavailable, "nothing listens there")
}

func TestACancelledCallIsNoOutage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begins bool // the server begins an answer
		call   func(ctx context.Context, cancel func(), address string) error
	}{
		"before the answer": {false, func(ctx context.Context, _ func(), address string) error {
			client, err := api.Connect(address, "")
			require.NoError(t, err)
			_, err = api.ReadAnswer[workflows.CaseState](client.GetCase(ctx, "a", nil))
			return err
		}},
		"in the answer": {true, func(ctx context.Context, cancel func(), address string) error {
			client, err := api.Connect(address, "")
			require.NoError(t, err)
			begun := func(response *http.Response, err error) (*http.Response, error) {
				cancel()
				return response, err
			}
			_, err = api.ReadAnswer[workflows.CaseState](begun(client.GetCase(ctx, "a", nil)))
			return err
		}},
		"of a key": {false, func(ctx context.Context, _ func(), address string) error {
			_, err := signalbox.FetchAPIKey(ctx, signalbox.FetchAPIKeyOptions{URL: address}, "crm", "a1")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.begins {
					_ = http.NewResponseController(w).Flush()
				} else {
					cancel()
				}
				<-r.Context().Done()
			}))
			t.Cleanup(silent.Close)
			err := c.call(ctx, cancel, silent.URL)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, signalbox.ErrUnavailable)
		})
	}
}
