package offloadapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

// quiet is for servers whose handshakes fail on purpose.
var quiet = log.New(io.Discard, "", 0)

func TestNewAcceptsOnlyABaseURLThatKeepsTheKeySafe(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://offload.example.com":             true,
		"https://offload.example.com/prod/":       true,
		"http://127.0.0.1:8090":                   true,
		"http://[::1]:8090":                       true,
		"http://localhost:8090":                   true,
		"http://offload.example.com":              false,
		"http://10.0.0.1":                         false,
		"http://127.0.0.1.example.com":            false,
		"":                                        false,
		"offload.example.com":                     false,
		"https://":                                false,
		"https:///cases":                          false,
		"ftp://offload.example.com":               false,
		"https://offload.example.com?x=1":         false,
		"https://offload.example.com/#x":          false,
		"https://user:secret@offload.example.com": false,
		"https://offload.example.com:port":        false,
		"https://user:secret@offload.com:port":    false,
	} {
		_, err := offloadapi.New(offloadapi.Config{BaseURL: url, APIKey: testKey, Now: clock})
		require.Equal(t, ok, err == nil, "%q: %v", url, err)
		if err != nil {
			require.NotContains(t, err.Error(), "secret", url)
		}
	}
	_, err := offloadapi.New(offloadapi.Config{BaseURL: "http://simulator:8090", APIKey: testKey, AllowPlainHTTP: true, Now: clock})
	require.NoError(t, err)
}

func TestABaseURLKeepsItsPath(t *testing.T) {
	t.Parallel()
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		_, _ = io.WriteString(w, wholeCase)
	}))
	t.Cleanup(server.Close)
	for _, slash := range []string{"", "/", "//"} {
		_, err := newClient(t, offloadapi.Config{BaseURL: server.URL + "/prod/v1" + slash}).GetCase(t.Context(), caseID)
		require.NoError(t, err)
		require.Equal(t, "/prod/v1/cases/"+caseID, asked)
	}
}

func TestNewNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := offloadapi.New(offloadapi.Config{Timeout: -1})
	for _, what := range []string{"base URL", "api key", "timeout", "clock"} {
		require.ErrorContains(t, err, what)
	}
	for _, key := range []string{"", "two words", "line\nbreak", "schlüssel"} {
		_, err := offloadapi.New(offloadapi.Config{BaseURL: "https://offload.example.com", APIKey: key, Now: clock})
		require.ErrorContains(t, err, "api key", "%q", key)
		if key != "" {
			require.NotContains(t, err.Error(), key)
		}
	}
}

func TestNoFormattingShowsTheKey(t *testing.T) {
	t.Parallel()
	cfg := offloadapi.Config{BaseURL: "https://offload.example.com", APIKey: testKey, Now: clock}
	client, err := offloadapi.New(cfg)
	require.NoError(t, err)
	asJSON, err := json.Marshal(struct{ Client *offloadapi.Client }{client})
	require.NoError(t, err)
	shown := []string{string(asJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, &cfg), fmt.Sprintf(verb, client), fmt.Sprintf(verb, *client),
			fmt.Sprintf(verb, struct {
				C offloadapi.Config
				P *offloadapi.Client
			}{cfg, client}))
	}
	for _, text := range shown {
		require.NotContains(t, text, testKey)
		require.NotContains(t, text, fmt.Sprintf("%x", testKey))
	}
}
