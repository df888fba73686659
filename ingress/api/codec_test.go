package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

const (
	webUI      = "https://temporal.example.com"
	readToken  = "may-read-payloads"
	writeToken = "may-write-payloads"
	emeaToken  = "may-read-payloads-of-emea"
)

type codecWorld struct {
	handler http.Handler
	url     string
	codec   *payloadcodec.Codec
	sealed  string
	logs    *observer.ObservedLogs
}

func newCodecWorld(t *testing.T, tokens api.Tokens) *codecWorld {
	t.Helper()
	ring, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	w := &codecWorld{codec: payloadcodec.New(ring), logs: logs}
	w.handler = api.NewCodec(api.CodecDeps{
		Codec: w.codec, Tokens: tokens, Origins: []string{webUI}, Log: zap.New(core),
		Session: func(_ http.ResponseWriter, r *http.Request) string {
			if cookie, err := r.Cookie("session"); err == nil {
				return cookie.Value
			}
			return ""
		},
	})
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	w.url = server.URL
	plain, err := converter.GetDefaultDataConverter().ToPayload("Is a signed PDF fine?")
	require.NoError(t, err)
	encoded, err := w.codec.Encode([]*commonpb.Payload{plain})
	require.NoError(t, err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: encoded})
	require.NoError(t, err)
	w.sealed = string(body)
	return w
}

func (w *codecWorld) send(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response, string(answer)
}

func payloadTokens() *api.TokenSet {
	set := new(api.TokenSet)
	set.Add(readToken, api.Token{Name: "reader", Scopes: []api.Scope{api.ScopePayloadsRead}})
	set.Add(writeToken, api.Token{Name: "writer", Scopes: []api.Scope{api.ScopePayloadsWrite}})
	set.Add(emeaToken, api.Token{Name: "emea", Scopes: []api.Scope{api.ScopePayloadsRead}, Accounts: []string{"emea"}})
	set.Add(adminSecret, api.Token{Name: "admin", Scopes: []api.Scope{api.ScopeAdmin}})
	return set
}

func TestPayloadsAreOpenedForThoseWhoMay(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t, payloadTokens())
	const decode, encode = "/codec/decode", "/codec/encode"
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"a token": {decode, []string{"Authorization", "Bearer " + readToken}, 200},
		// As Temporal's Web UI asks.
		"a query":                        {decode + "?preserveStorageRefs=true", []string{"Authorization", "Bearer " + readToken, "X-Namespace", "default"}, 200},
		"admin":                          {decode, []string{"Authorization", "Bearer " + adminSecret}, 200},
		"a session":                      {decode, []string{"Cookie", "session=" + readToken, "Origin", webUI}, 200},
		"a session without the scope":    {decode, []string{"Cookie", "session=" + writeToken, "Origin", webUI}, 403},
		"a session that has ended":       {decode, []string{"Cookie", "session=gone", "Origin", webUI}, 401},
		"a session of another page":      {decode, []string{"Cookie", "session=" + readToken, "Origin", "https://evil.example.com"}, 403},
		"nothing":                        {decode, nil, 401},
		"an unknown token":               {decode, []string{"Authorization", "Bearer " + readToken[1:]}, 401},
		"another scope":                  {decode, []string{"Authorization", "Bearer " + writeToken}, 403},
		"a limited token":                {decode, []string{"Authorization", "Bearer " + emeaToken}, 403},
		"another origin":                 {decode, []string{"Authorization", "Bearer " + readToken, "Origin", "https://evil.example.com"}, 403},
		"encode":                         {encode, []string{"Authorization", "Bearer " + writeToken}, 200},
		"encode without the scope":       {encode, []string{"Authorization", "Bearer " + readToken}, 403},
		"a form, which asks no one":      {decode, []string{"Authorization", "Bearer " + readToken, "Content-Type", "text/plain"}, 415},
		"no such path":                   {"/codec/download", []string{"Authorization", "Bearer " + readToken}, 404},
		"a path that ends as the others": {"/codec/x/decode", []string{"Authorization", "Bearer " + readToken}, 404},
	} {
		response, body := w.send(t, http.MethodPost, c.path, w.sealed, c.header...)
		require.Equal(t, c.status, response.StatusCode, "%s: %s", name, body)
		if c.status != http.StatusOK {
			require.Contains(t, response.Header.Get("Content-Type"), "problem+json", name)
			continue
		}
		require.Equal(t, "no-store", response.Header.Get("Cache-Control"), name)
		var answer commonpb.Payloads
		require.NoError(t, protojson.Unmarshal([]byte(body), &answer), name)
		if strings.HasPrefix(c.path, decode) {
			require.Equal(t, `"Is a signed PDF fine?"`, string(answer.GetPayloads()[0].GetData()), name)
		} else {
			_, encrypted := payloadcodec.KeyID(answer.GetPayloads()[0])
			require.True(t, encrypted, name)
		}
	}
	for _, entry := range w.logs.All() {
		require.NotContains(t, entry.ContextMap(), readToken)
	}
	require.NotZero(t, w.logs.FilterMessage("codec call refused").Len())
}

func TestOnlyTheWebUIsPageIsLetInByABrowser(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t, payloadTokens())
	ask := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-namespace"}
	response, _ := w.send(t, http.MethodOptions, "/codec/decode", "", append(ask, "Origin", webUI)...)
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.Equal(t, webUI, response.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", response.Header.Get("Access-Control-Allow-Credentials"))
	for _, name := range []string{"Authorization", "Authorization-Extras", "Content-Type", "X-Namespace"} {
		require.Contains(t, response.Header.Get("Access-Control-Allow-Headers"), name)
	}
	for _, other := range []string{"https://evil.example.com", webUI + ".evil.example.com", "http://temporal.example.com", "null"} {
		response, _ = w.send(t, http.MethodOptions, "/codec/decode", "", append(ask, "Origin", other)...)
		require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), other)
	}
}

func TestOnLoopbackWithoutTokensProgramsAndTheWebUIAreLetIn(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t, nil)
	for origin, status := range map[string]int{"": 200, webUI: 200, "https://evil.example.com": 403} {
		var header []string
		if origin != "" {
			header = []string{"Origin", origin}
		}
		response, body := w.send(t, http.MethodPost, "/codec/decode", w.sealed, header...)
		require.Equal(t, status, response.StatusCode, "%s: %s", origin, body)
	}
}

func TestPayloadsBeyondTheLimitAreTooLarge(t *testing.T) {
	t.Parallel()
	w := newCodecWorld(t, payloadTokens())
	for name, length := range map[string]int64{"its length is known": 8_000_001, "in chunks": -1} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/codec/decode", strings.NewReader(strings.Repeat(" ", 8_000_001)))
		request.ContentLength = length
		request.Header.Set("Authorization", "Bearer "+readToken)
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusRequestEntityTooLarge, recorder.Code, "%s: %s", name, recorder.Body)
		require.Contains(t, recorder.Body.String(), "urn:signalbox:problem:too-large", name)
		require.Contains(t, recorder.Body.String(), "at most 8 MB", name)
	}
}

func TestACodecServerSaysWhichKeyIsMissing(t *testing.T) {
	t.Parallel()
	theirs, w := newCodecWorld(t, nil), newCodecWorld(t, nil)
	response, body := w.send(t, http.MethodPost, "/codec/decode", theirs.sealed)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Contains(t, body, "--payload-keys")
}
