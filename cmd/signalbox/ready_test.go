package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadyExitsWithTheReadinessOfAProcess(t *testing.T) {
	t.Parallel()
	for status, exit := range map[int]int{http.StatusOK: 0, http.StatusServiceUnavailable: 6, http.StatusNotFound: 6} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		require.Equal(t, exit, command(t, nil, "ready", server.URL+"/readyz").status, status)
	}
	require.Equal(t, 6, command(t, nil, "ready", "http://127.0.0.1:1/readyz").status)
	require.Equal(t, 2, command(t, nil, "ready", "::").status)
}
