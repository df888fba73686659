package service

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/transcript"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func TestCallsToAProviderAreCountedByResult(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"ok":           nil,
		"not_sent":     &offloadapi.Error{Kind: offloadapi.NotSent},
		"refused":      &offloadapi.Error{Kind: offloadapi.Refused, Status: 400},
		"unauthorized": &offloadapi.Error{Kind: offloadapi.Refused, Status: 401},
		"forbidden":    &offloadapi.Error{Kind: offloadapi.Refused, Status: 403},
		"not_found":    &offloadapi.Error{Kind: offloadapi.Refused, Status: 404},
		"usage_limit":  &offloadapi.Error{Kind: offloadapi.Refused, Status: 429, Code: "USAGE_LIMIT_REACHED"},
		"throttled":    &offloadapi.Error{Kind: offloadapi.Refused, Status: 429},
		"unreadable":   &offloadapi.Error{Kind: offloadapi.Uncertain, Status: 200, Err: offloadapi.ErrInvalidResponse},
		"uncertain":    &offloadapi.Error{Kind: offloadapi.Uncertain, Status: 502},
		"failed":       errors.New("another"),
	} {
		require.Equal(t, want, resultOf(err))
	}
	registry := prometheus.NewRegistry()
	calls, err := newProviderCalls(registry, nil)
	require.NoError(t, err)
	_, ended := calls.observe(t.Context(), "get case")
	ended(offloadapi.Call{Took: time.Second, Lost: 2})
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP signalbox_provider_unreadable_fields_total Documented fields of a provider's answers that could not be read; the log names them.
# TYPE signalbox_provider_unreadable_fields_total counter
signalbox_provider_unreadable_fields_total{provider="offload"} 2
`), "signalbox_provider_unreadable_fields_total"))
}

func TestEachCallToAProviderCountsRefusalsOfTheAccountFromZero(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	calls, err := newProviderCalls(registry, nil)
	require.NoError(t, err)
	api, err := offloadapi.New(offloadapi.Config{BaseURL: "http://127.0.0.1:1", APIKey: "key-1", Now: now, Observe: calls.observe})
	require.NoError(t, err)
	defer api.Close()
	for _, call := range []func() error{
		func() error {
			return second(api.CreateCase(t.Context(), workflows.CaseRequest{}, "https://signalbox.example/"))
		},
		func() error { return second(api.GetCase(t.Context(), "case-1")) },
		func() error { return second(api.GetTranscript(t.Context(), "case-1")) },
		func() error { return api.ProvideInput(t.Context(), "case-1", "question-1", "yes") },
		func() error { return second(api.GetAttachment(t.Context(), "case-1", "file-1")) },
	} {
		require.ErrorIs(t, call(), offloadapi.ErrNotSent)
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	results := map[string][]string{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "signalbox_provider_call_seconds" {
				results[m.GetLabel()[0].GetValue()] = append(results[m.GetLabel()[0].GetValue()], m.GetLabel()[2].GetValue())
			}
		}
	}
	require.Len(t, results, 5)
	for call, seen := range results {
		require.ElementsMatch(t, []string{"not_sent", "unauthorized", "forbidden", "usage_limit"}, seen, call)
	}
}

func TestTheAPIsErrorOfATranscriptHasNoWordsOfTheProvider(t *testing.T) {
	t.Parallel()
	const words = "my mother is ill"
	offload := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"success":false,"error":{"code":"THREAD_FAILED","message":"`+words+`"}}`)
	}))
	defer offload.Close()
	account, err := offloadapi.New(offloadapi.Config{BaseURL: offload.URL, APIKey: "key-1", Now: now})
	require.NoError(t, err)
	defer account.Close()
	_, err = account.GetTranscript(t.Context(), "case-1")
	require.ErrorContains(t, err, words)

	temporal := &openWorkTemporal{states: map[string]any{"offload-case/c1": workflows.CaseState{Reference: "c1", CaseID: "case-1", Account: "eu"}}}
	apps, err := signalbox.New(temporal, signalbox.Options{})
	require.NoError(t, err)
	_, err = transcript.Source{Cases: apps, Accounts: map[string]*offloadapi.Client{"eu": account}, Now: now}.Read(t.Context(), "c1")
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
	require.ErrorContains(t, err, "get transcript: uncertain: 500 THREAD_FAILED")
	require.NotContains(t, err.Error(), words)
}

func second[T any](_ T, err error) error { return err }
