package offloadapi_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

func TestARequestOverTheRateIsNotSent(t *testing.T) {
	t.Parallel()
	var gets, posts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			gets.Add(1)
		} else {
			posts.Add(1)
		}
		answerWith(http.StatusForbidden, "")(w, r)
	}))
	t.Cleanup(server.Close)
	client := newClient(t, offloadapi.Config{BaseURL: server.URL, CallsPerSecond: 0.001, ReadsPerSecond: 0.01})
	read := func() error {
		_, err := client.GetCase(t.Context(), caseID)
		return err
	}
	call := func() error {
		_, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
		return err
	}
	for name, c := range map[string]struct {
		send    func() error
		arrived *atomic.Int64
		seconds float64
	}{"reads": {read, &gets, 100}, "calls": {call, &posts, 1000}} {
		require.ErrorIs(t, c.send(), offloadapi.ErrForbidden, name)
		err := c.send()
		require.ErrorIs(t, err, offloadapi.ErrPaced, name)
		require.ErrorIs(t, err, offloadapi.ErrNotSent, name)
		var refused *offloadapi.Error
		require.ErrorAs(t, err, &refused, name)
		require.InDelta(t, c.seconds, refused.RetryAfter.Seconds(), 1, name)
		require.Equal(t, int64(1), c.arrived.Load(), name)
	}
}

func TestAnInvalidRateIsRefused(t *testing.T) {
	t.Parallel()
	_, err := offloadapi.New(offloadapi.Config{BaseURL: "https://o.example", APIKey: "k", Now: clock, CallsPerSecond: -1, ReadsPerSecond: 1e300})
	require.ErrorContains(t, err, "calls per second")
	require.ErrorContains(t, err, "reads per second")
}
