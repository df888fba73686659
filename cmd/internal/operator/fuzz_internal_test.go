package operator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Whatever is posted to the socket: the answer is JSON, blames the caller for what the caller did, and tells no secret that was not asked
// for by name.
func FuzzOperatorRequests(f *testing.F) {
	const id, canary = "01963b1e-0000-7000-8000-000000000001", "art_key_canary"
	store, err := sqlite.Open(f.Context(), filepath.Join(f.TempDir(), "i.db"), sqlite.Options{})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, store.Close()) })
	keys, err := keyring.Generate()
	require.NoError(f, err)
	lane := offload.Lane("order-1")
	sealed, err := keys.Seal([]byte(`{"apiKey":"`+canary+`"}`), hook.BodyContext(offload.Name, lane, id)...)
	require.NoError(f, err)
	desk := NewDesk(Parts{
		Inbox: store, Keys: keys, Agents: map[string][]string{"w9": {"secret"}}, Log: zap.NewNop(),
		Now: func() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) },
	})
	handler := desk.handler()
	routes := []string{routeList, routeShow, routeReplay, routeRelease, routePurge, routeCounts}
	for i := range routes {
		f.Add(uint8(i), `{}`)
	}
	for i, seeds := range [][]string{
		{`{"States":["dead"],"Limit":-1}`, `{"Cursor":"AAAAAAAAAAA","Since":"0001-01-01T00:00:00Z","Until":"9999-12-31T23:59:59Z"}`, `{"Lane":"offload-case/order-1"}`},
		{`{"id":"` + id + `"}`, `{"id":"` + id + `","reveal":false}`, `{"id":7}`},
		{`{"id":"` + id + `"}`, `{"filter":{"States":["pending"]}}`, `{"filter":{"States":["lost"]}}`},
		{`{"agent":"w9"}`, `{"agent":"nobody"}`},
		{`{"bodies":1}`, `{"rows":9223372036854775807}`, `{"bodies":-1}`, `{"bodies":1e99}`},
		{`[]`, `null`, `{"x":1}`, ``, "\xff", `{}{}`},
	} {
		for _, seed := range seeds {
			f.Add(uint8(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		// There again where a purge took it.
		_, err := store.Append(t.Context(), []inbox.Delivery{{
			ID: id, Provider: offload.Name, Lane: lane, Kind: "case.completed", DedupeKey: "evt", Body: sealed,
			ReceivedAt: time.Date(2026, 5, 1, 11, 0, 0, 0, time.UTC), State: inbox.StatePending,
		}})
		require.NoError(t, err)
		path := routes[int(route)%len(routes)]
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
		require.Contains(t, []int{200, 400, 404, 409}, recorder.Code, recorder.Body.String())
		require.True(t, json.Valid(recorder.Body.Bytes()))
		var asked ShowRequest
		if json.Unmarshal([]byte(body), &asked) == nil && !asked.Reveal {
			require.NotContains(t, recorder.Body.String(), canary)
		}
	})
}
