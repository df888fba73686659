package loadtest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// post runs a short load against a handler.
func post(t *testing.T, handler http.HandlerFunc) (loadtest.Result, error) {
	t.Helper()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	var numbers atomic.Int64
	address := strings.TrimPrefix(server.URL, "http://")
	return loadtest.Load{Address: address, Requests: loadtest.ForCases(keys, 3, &numbers), Count: 50}.Run(t.Context())
}

func TestTheLoadCountsEachAnswerOnceAndRepeatsNoEvent(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var posts, repeated atomic.Int64
	r, err := post(t, func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			ID string `json:"event_id"`
		}
		if json.NewDecoder(r.Body).Decode(&event) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		posts.Add(1)
		if _, again := seen.LoadOrStore(event.ID, true); again {
			repeated.Add(1)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	require.NoError(t, err)
	require.Equal(t, 50, r.Count)
	require.EqualValues(t, 50, posts.Load())
	require.Zero(t, repeated.Load())
	require.IsNonDecreasing(t, r.Waits)
}

func TestARateOfRefusalsIsNoRate(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusUnauthorized} {
		_, err := post(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		require.ErrorContains(t, err, "answered")
	}
}

func TestQuantilesOfFewAndMany(t *testing.T) {
	t.Parallel()
	require.Zero(t, loadtest.Quantile(nil, 0.5))
	require.InDelta(t, 7, loadtest.Quantile([]time.Duration{7 * time.Millisecond}, 0.99), 0)
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i) * time.Millisecond
	}
	require.InDelta(t, 50, loadtest.Quantile(hundred, 0.5), 0)
	require.InDelta(t, 99, loadtest.Quantile(hundred, 0.99), 0)
}
