package offloadapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

func TestEveryCallIsObservedOnce(t *testing.T) {
	t.Parallel()
	status, body := http.StatusOK, `{"ok":true,"data":{"caseId":"c1","status":"RUNNING","attemptCount":"many"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may have gone
	}))
	t.Cleanup(server.Close)
	var seen []offloadapi.Call
	var begun []string
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	client, err := offloadapi.New(offloadapi.Config{
		BaseURL: server.URL, APIKey: "key",
		Observe: func(ctx context.Context, op string) (context.Context, func(offloadapi.Call)) {
			begun = append(begun, op)
			return ctx, func(call offloadapi.Call) { seen = append(seen, call) }
		},
		Now: func() time.Time { at = at.Add(time.Second); return at },
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	_, err = client.GetCase(t.Context(), "c1")
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, []string{"get case"}, begun)
	require.Positive(t, seen[0].Took)
	require.Equal(t, 1, seen[0].Lost)
	require.NoError(t, seen[0].Err)

	status, body = http.StatusUnauthorized, `{"ok":false}`
	_, err = client.CreateCase(t.Context(), validCreate(), "https://hooks.example.com/x")
	require.Error(t, err)
	require.Len(t, seen, 2)
	require.Equal(t, []string{"get case", "create case"}, begun)
	require.ErrorIs(t, seen[1].Err, offloadapi.ErrUnauthorized)
}
