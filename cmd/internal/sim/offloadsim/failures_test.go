package offloadsim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

func TestFailuresAnswerAsNamedAndDoOrDoNotTheWork(t *testing.T) {
	t.Parallel()
	for failure, want := range map[offloadsim.Failure]struct {
		status  int
		code    string // empty: not Offload's envelope
		created int
	}{
		offloadsim.FailThrottle:      {429, "", 0},
		offloadsim.FailGateway:       {500, "", 0},
		offloadsim.FailUnauthorized:  {401, "UNAUTHORIZED", 0},
		offloadsim.FailForbidden:     {403, "FORBIDDEN", 0},
		offloadsim.FailNotFound:      {404, "CASE_NOT_FOUND", 0},
		offloadsim.FailInternal:      {500, "INTERNAL_ERROR", 0},
		offloadsim.FailUsageLimit:    {429, "USAGE_LIMIT_REACHED", 0},
		offloadsim.FailInternalAfter: {500, "INTERNAL_ERROR", 1},
		offloadsim.FailGatewayAfter:  {504, "", 1},
	} {
		t.Run(string(failure), func(t *testing.T) {
			t.Parallel()
			run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
				require.NoError(t, b.FailNext(offloadsim.RouteCreate, offloadsim.FailNot, failure))
				b.create(nil)
				got := b.call("POST", "/cases", goodKey, createBody(t, nil))
				require.Equal(t, want.status, got.Status)
				require.Equal(t, want.code, got.code())
				if want.code == "" {
					require.NotContains(t, got.Body, "ok")
				}
				require.Len(t, b.Cases(), 1+want.created)
				b.create(nil) // and it is over
			})
		})
	}
}

func TestThrottleSaysWhenToRetryWhereThatIsSet(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		require.NoError(t, b.FailNext(offloadsim.RouteGet, offloadsim.FailThrottle, offloadsim.FailThrottle))
		require.Empty(t, b.call("GET", "/cases/x", goodKey, "").Header.Get("Retry-After"))
		b.SetUndocumented(offloadsim.Undocumented{RetryAfter: 1500 * time.Millisecond})
		require.Equal(t, "2", b.call("GET", "/cases/x", goodKey, "").Header.Get("Retry-After"))
	})
}

func TestLostInputAnswerWasAccepted(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		require.NoError(t, b.SendFirstMessage(id))
		request, err := b.AskInput(id, "?")
		require.NoError(t, err)
		require.NoError(t, b.FailNext(offloadsim.RouteInput, offloadsim.FailGatewayAfter))
		require.Equal(t, 504, b.answer(id, request, "Yes").Status)
		require.Equal(t, "INPUT_REQUEST_NOT_PENDING", b.answer(id, request, "Yes").code())
		record, err := b.Case(id)
		require.NoError(t, err)
		require.Len(t, record.Answers, 1)
	})
}

func TestFailuresByChanceFollowTheirRates(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{Seed: 5}, func(t *testing.T, b bench) {
		require.NoError(t, b.Calls.SetEventRates("create", map[offloadsim.Failure]float64{offloadsim.FailThrottle: 0.5}))
		throttled := 0
		for range 200 {
			if b.call("POST", "/cases", goodKey, createBody(t, nil)).Status == 429 {
				throttled++
			}
		}
		require.InDelta(t, 100, throttled, 30)
		require.Len(t, b.Cases(), 200-throttled)
		require.Equal(t, 404, b.call("GET", "/cases/x", goodKey, "").Status, "another route")
	})
}

func TestFailuresThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		require.ErrorContains(t, b.FailNext(offloadsim.RouteCreate, "explode"), `unknown failure "explode"`)
		for _, rates := range []map[offloadsim.Failure]float64{
			{"explode": 0.1},
			{offloadsim.FailGateway: -1},
			{offloadsim.FailGateway: 0.7, offloadsim.FailInternal: 0.7},
		} {
			require.Error(t, b.Calls.SetEventRates("get", rates))
		}
	})
}

// Over a real connection: a recorder has none that could break.
func TestLostConnectionLeavesTheClientWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for failure, created := range map[offloadsim.Failure]int{
		offloadsim.FailResetBefore: 0,
		offloadsim.FailResetAfter:  1,
		offloadsim.FailHangAfter:   1,
	} {
		t.Run(string(failure), func(t *testing.T) {
			t.Parallel()
			sim, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: goodKey, Owner: "acme"}}})
			require.NoError(t, err)
			defer func() { require.NoError(t, sim.Close()) }()
			server := httptest.NewServer(sim)
			defer server.Close()
			require.NoError(t, sim.FailNext(offloadsim.RouteCreate, failure))

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/cases", strings.NewReader(createBody(t, nil)))
			require.NoError(t, err)
			req.Header.Set("x-api-key", goodKey)
			answered := make(chan error, 1)
			go func() {
				resp, err := server.Client().Do(req)
				if err == nil {
					err = errors.Join(errors.New("answered"), resp.Body.Close())
				}
				answered <- err
			}()
			require.Eventually(t, func() bool { return len(sim.Cases()) == created }, time.Minute, time.Millisecond)
			if failure == offloadsim.FailHangAfter {
				cancel() // The client gives up.
			}
			err = <-answered
			require.Error(t, err)
			require.NotEqual(t, "answered", err.Error())
			require.Len(t, sim.Cases(), created)
		})
	}
}

func TestCloseEndsHangingRequests(t *testing.T) {
	t.Parallel()
	sim, err := offloadsim.New(offloadsim.Options{Keys: []offloadsim.Key{{Value: goodKey, Owner: "acme"}}})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	require.NoError(t, sim.FailNext(offloadsim.RouteGet, offloadsim.FailHangAfter))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/cases/x", nil)
	require.NoError(t, err)
	req.Header.Set("x-api-key", goodKey)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if resp, err := server.Client().Do(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	require.NoError(t, sim.Close())
	<-ended
	server.Close()
}

func TestPlanTextPlansFailures(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		require.NoError(t, b.Calls.PlanText("throttle:create", "internal-after:create", "forbidden:get=1"))
		create := func() int { return b.call("POST", "/cases", goodKey, createBody(t, nil)).Status }
		require.Equal(t, 429, create())
		require.Equal(t, 500, create())
		require.Len(t, b.Cases(), 1, "the second was carried out")
		id := b.create(nil)
		for range 3 {
			require.Equal(t, 403, b.call("GET", "/cases/"+id, goodKey, "").Status)
		}
	})
}

func TestMisspeltFailuresAreReported(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		for text, says := range map[string]string{
			"throttle":            `failure "throttle" of "": want one of ["create" "get" "attachment" "input"], as in throttle:create`,
			"throttle=0.5":        `failure "throttle" of "": want one of`,
			"throttle:list":       `failure "throttle" of "list"`,
			"throttle:list=0.5":   `failure "throttle" of "list"`,
			"explode:create":      `unknown failure "explode", want one of ["throttle"`,
			"explode:create=0.5":  `unknown failure "explode"`,
			"throttle:create=two": `"two" is not a probability`,
			":create=0.5":         `unknown failure ""`,
		} {
			require.ErrorContains(t, b.Calls.PlanText(text), says, text)
		}
		require.ErrorContains(t, b.Calls.PlanText("gateway:get=0.7", "internal:get=0.7"), "sum up to 1.4")
	})
}
